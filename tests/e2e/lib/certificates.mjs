// A certificate authority of the test's own and a certificate for localhost.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

function openssl(directory, ...args) {
  execFileSync('openssl', args, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Makes ca.pem, server.pem and server.key in `directory`. */
export function make_certificates(directory) {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(directory, 'req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=Evergate test CA');
  openssl(directory, 'req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost');
  fs.writeFileSync(path.join(directory, 'names.cnf'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  openssl(directory, 'x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial',
    '-out', 'server.pem', '-days', '2', '-extfile', 'names.cnf');
  return { ca: path.join(directory, 'ca.pem'), certificate: path.join(directory, 'server.pem'), key: path.join(directory, 'server.key') };
}
