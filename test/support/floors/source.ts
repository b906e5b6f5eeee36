import ts from 'typescript';

/** One arrow out of a file, whatever its syntax. `names` is `*` where the whole module is taken. */
export interface Arrow {
  readonly to: string;
  readonly line: number;
  readonly isTypeOnly: boolean;
  readonly names: readonly string[] | '*';
}

/** Something that ties a file to the outside world: its line and what was written there. */
export interface Use {
  readonly line: number;
  readonly what: string;
}

/** What the rules want to know of one file. `path` is relative to the repository, with slashes. */
export interface Source {
  readonly path: string;
  readonly lineCount: number;
  readonly arrows: readonly Arrow[];
  /** Clock, random, environment, timers, network, async. */
  readonly impurities: readonly Use[];
  /** Reads of argv or the environment, and exits. */
  readonly processUses: readonly Use[];
  /** `export * from`; any `export … from` in a file that has nothing of its own. */
  readonly barrelLines: readonly number[];
}

const impureCalls = new Set(['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'fetch', 'Date']);
const impureGlobals = new Set(['process', 'performance', 'crypto', 'globalThis', 'Promise']);
const impureMembers = new Set(['Math.random', 'Date.now']);
const cliOnly = new Set(['process.env', 'process.argv', 'process.exit', 'process.exitCode']);

/** Parses one TypeScript file; it need not be on disk. */
export function readSource(path: string, text: string): Source {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const lineOf = (node: ts.Node): number => file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
  const arrows: Arrow[] = [];
  const impurities: Use[] = [];
  const processUses: Use[] = [];

  const visit = (node: ts.Node): void => {
    const arrow = arrowOf(node);
    if (arrow !== null) arrows.push({ ...arrow, line: lineOf(node) });
    const impurity = impurityOf(node);
    if (impurity !== null) impurities.push({ line: lineOf(node), what: impurity });
    if (ts.isPropertyAccessExpression(node)) {
      const member = node.getText(file);
      if (cliOnly.has(member)) processUses.push({ line: lineOf(node), what: member });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);

  return {
    path,
    lineCount: text.split('\n').length - (text.endsWith('\n') ? 1 : 0),
    arrows,
    impurities,
    processUses,
    barrelLines: barrelStatements(file).map(lineOf),
  };
}

function arrowOf(node: ts.Node): Omit<Arrow, 'line'> | null {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    return { to: node.moduleSpecifier.text, ...importedNames(node.importClause) };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier)) {
    const names =
      node.exportClause !== undefined && ts.isNamedExports(node.exportClause)
        ? node.exportClause.elements.map((element) => (element.propertyName ?? element.name).text)
        : '*';
    return { to: node.moduleSpecifier.text, isTypeOnly: node.isTypeOnly, names };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)) {
    return { to: node.argument.literal.text, isTypeOnly: true, names: '*' };
  }
  if (ts.isCallExpression(node) && isModuleCall(node)) {
    const [argument] = node.arguments;
    const to = argument !== undefined && ts.isStringLiteralLike(argument) ? argument.text : '(computed)';
    return { to, isTypeOnly: false, names: '*' };
  }
  return null;
}

function isModuleCall(node: ts.CallExpression): boolean {
  const isRequire = ts.isIdentifier(node.expression) && node.expression.text === 'require';
  return node.expression.kind === ts.SyntaxKind.ImportKeyword || isRequire;
}

function importedNames(clause: ts.ImportClause | undefined): Pick<Arrow, 'isTypeOnly' | 'names'> {
  if (clause === undefined) return { isTypeOnly: false, names: '*' };
  const isTypeOnly = clause.phaseModifier === ts.SyntaxKind.TypeKeyword;
  const bindings = clause.namedBindings;
  if (clause.name !== undefined || bindings === undefined || ts.isNamespaceImport(bindings)) {
    return { isTypeOnly, names: '*' };
  }
  const values = bindings.elements.filter((element) => !element.isTypeOnly);
  return {
    isTypeOnly: isTypeOnly || values.length === 0,
    names: (values.length === 0 ? bindings.elements : values).map((e) => (e.propertyName ?? e.name).text),
  };
}

function impurityOf(node: ts.Node): string | null {
  if (ts.isAwaitExpression(node)) return 'await';
  if (node.kind === ts.SyntaxKind.AsyncKeyword) return 'async';
  if (ts.isForOfStatement(node) && node.awaitModifier !== undefined) return 'for await';
  if (ts.isNewExpression(node) && isNamed(node.expression, 'Date') && (node.arguments?.length ?? 0) === 0) {
    return 'new Date()';
  }
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && impureCalls.has(node.expression.text)) {
    return `${node.expression.text}()`;
  }
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
    const member = `${node.expression.text}.${node.name.text}`;
    if (impureMembers.has(member)) return member;
  }
  if (ts.isIdentifier(node) && impureGlobals.has(node.text) && isValueReference(node)) return node.text;
  return null;
}

function isNamed(node: ts.Node, name: string): boolean {
  return ts.isIdentifier(node) && node.text === name;
}

/** False for a type, and for the name of a property, parameter or import that happens to be called like a global. */
function isValueReference(node: ts.Identifier): boolean {
  const parent = node.parent;
  if (ts.isShorthandPropertyAssignment(parent)) return true;
  const isName = 'name' in parent && parent.name === node;
  const isType = ts.isTypeReferenceNode(parent) || ts.isQualifiedName(parent);
  return !isName && !isType && !ts.isImportSpecifier(parent) && !ts.isExportSpecifier(parent);
}

function barrelStatements(file: ts.SourceFile): ts.Node[] {
  const passedOn = file.statements.filter((s) => ts.isExportDeclaration(s) && s.moduleSpecifier !== undefined);
  const hasOwn = file.statements.some((s) => !ts.isExportDeclaration(s) && !ts.isImportDeclaration(s));
  return passedOn.filter((s) => !hasOwn || (ts.isExportDeclaration(s) && s.exportClause === undefined));
}
