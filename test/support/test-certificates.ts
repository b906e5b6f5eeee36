import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** A certificate authority of the test's own, and what it signs. */
export interface TestAuthority {
  readonly caFile: string;
  /** For `commonName`; `altNames` as openssl writes them, e.g. `DNS:localhost,IP:127.0.0.1`. */
  issue(commonName: string, altNames: string): Promise<CertificateFiles>;
}

/** Makes one with openssl, below `directory`. */
export async function makeTestAuthority(directory: string, name: string): Promise<TestAuthority> {
  const [caFile, caKeyFile] = [join(directory, `${name}.pem`), join(directory, `${name}.key`)];
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await run('openssl', [
    ...['req', '-x509', ...newKey, '-keyout', caKeyFile, '-out', caFile, '-days', '2', '-subj', `/CN=${name}`],
  ]);
  return {
    caFile,
    async issue(commonName, altNames) {
      const base = join(directory, `${name}-${commonName}`);
      const [keyFile, requestFile, certFile] = [`${base}.key`, `${base}.csr`, `${base}.pem`];
      await run('openssl', ['req', ...newKey, '-keyout', keyFile, '-out', requestFile, '-subj', `/CN=${commonName}`]);
      await writeFile(`${base}.ext`, `subjectAltName=${altNames}\n`);
      await run('openssl', [
        ...['x509', '-req', '-in', requestFile, '-CA', caFile, '-CAkey', caKeyFile, '-CAcreateserial'],
        ...['-out', certFile, '-days', '2', '-extfile', `${base}.ext`],
      ]);
      return { caFile, certFile, keyFile };
    },
  };
}
