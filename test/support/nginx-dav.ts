import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir, type CleansUp } from './temp-dir.ts';
import { until } from './until.ts';
import { freePort } from './free-port.ts';

/** An nginx that takes PUT, DELETE and MKCOL below `url`, for whoever has the token. */
export interface NginxDav {
  readonly url: string;
  readonly token: string;
  /** The folder on the disk. */
  readonly root: string;
}

/** Starts one for a test and stops it afterwards. `lists`: with PROPFIND, from the module dav-ext. */
export async function openNginxDav(context: CleansUp, { lists }: { readonly lists: boolean }): Promise<NginxDav> {
  const dir = await tempDir(context);
  const root = join(dir, 'files');
  for (const name of [root, join(dir, 'body')]) mkdirSync(name);
  const port = await freePort();
  const file = join(dir, 'nginx.conf');
  const temp = ['proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${dir}/${name};`).join(' ');
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${dir}/pid; error_log ${dir}/error.log;
${process.getuid?.() === 0 ? 'user root;' : ''}
${lists ? 'load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;' : ''}
events { worker_connections 256; }
http {
  access_log off; default_type application/octet-stream;
  client_body_temp_path ${dir}/body; ${temp}
  map $http_authorization $is_let_in { "Bearer of-the-test" 1; default 0; }
  server {
    listen 127.0.0.1:${String(port)};
    client_max_body_size 0;
    location /logs/ {
      if ($is_let_in = 0) { return 401; }
      alias ${root}/;
      dav_methods PUT DELETE MKCOL;
      ${lists ? 'dav_ext_methods PROPFIND OPTIONS;' : ''}
      create_full_put_path on;
      dav_access user:rw;
    }
  }
}
`,
  );
  const child = spawn('nginx', ['-c', file, '-p', dir, '-e', join(dir, 'error.log')], { stdio: 'ignore' });
  context.after(async () => {
    if (child.exitCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
  const url = `http://127.0.0.1:${String(port)}/logs/`;
  await until(async () => (await fetch(url)).status === 401, { what: 'nginx to listen' });
  return { url, token: 'of-the-test', root };
}
