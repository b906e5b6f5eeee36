// One linter for the whole house. What is relaxed below says why; everything else is the strictest set there is.
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

export default defineConfig(
  globalIgnores(['node_modules/', 'coverage/', '**/fixtures/', 'examples/']),
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      // Numbers print the same everywhere; anything else in a template is an accident.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `void promise` is how a promise is let go on purpose; `x => void f()` would hide one.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Ports declare async methods; an adapter that answers at once still has to be async, or it would throw in place.
      '@typescript-eslint/require-await': 'off',
      // The compiler takes `signal.aborted` for settled across an await; looking again after each is how we stop.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // process.env and other index signatures need brackets: noPropertyAccessFromIndexSignature says so.
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
      // An unused argument that a signature asks for starts with an underscore.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      eqeqeq: 'error',
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Export by name: a name is found by grep.' },
        { selector: 'ExportAllDeclaration', message: 'No barrels: import from the file that owns the name.' },
      ],
      'max-lines': ['warn', { max: 300 }],
    },
  },
  {
    // These talk to a person on a terminal.
    files: ['src/cli/**/*.ts', 'bench/**/*.ts', 'test/simulator/**/*.ts', 'test/support/run-all.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/*.test.ts', '**/*.contract.ts', '**/contract/*.ts'],
    rules: {
      // node:test returns a promise that the runner itself awaits.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['test', 'suite', 'describe', 'it'], package: 'node:test' },
          ],
        },
      ],
      // Cases are small functions that fit a port's async signature and throw to play a failure.
      '@typescript-eslint/explicit-module-boundary-types': 'off',
    },
  },
);
