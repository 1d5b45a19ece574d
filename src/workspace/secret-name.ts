/** Which file names of a project hold secrets by custom. Pure; a name is data. */

/** Names without a suffix of their own, in small letters. */
const wholeNames = new Set([
  ...[".env", ".envrc", ".flaskenv", ".dev.vars", ".netrc", "_netrc", ".pgpass", ".my.cnf", ".pypirc", ".htpasswd"],
  ...[".git-credentials", ".dockercfg", ".vault-token", ".vault_pass", ".secrets", ".s3cfg", ".boto", ".databrickscfg"],
  ...[
    "kubeconfig",
    "local.settings.json",
    "credentials.json",
    "credentials.yml",
    "application_default_credentials.json",
  ],
  ...["secrets.json", "secrets.yml", "secrets.yaml", "secrets.toml", "secrets.env", "vault_pass.txt", "master.key"],
  ...["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk", "identity.age", "key.txt.age"],
]);

/** `.env.production` and the like; `prod.env`; keys, key stores, wallets and states that hold values in the clear. */
const shapes = [
  /^\.env[._-]/,
  /\.env$/,
  /^\.dev\.vars\./,
  /\.(pem|key|p8|p12|pfx|jks|keystore|bks|kdbx?|ppk|ovpn|agekey|pkcs12|asc\.key|tfstate|tfvars|mobileprovision)$/,
  /\.(tfstate\.backup|auto\.tfvars\.json|tfvars\.json)$/,
  /^(service[-_]?account|client[-_]?secrets?|firebase[-_]?admin(sdk)?)[^/]*\.json$/,
  /(service[-_]?account|adminsdk)[^/]*\.json$/,
];

/** Made to be read by everybody: examples, templates, public halves, bundles of public certificates, code. */
const harmless =
  /(^|[._-])(examples?|samples?|templates?|tmpl|tpl|dist|defaults?|schema|public|pub)([._-]|$)|^(cacert|ca-bundle|ca-certificates)\.pem$|\.(pub|d\.ts|md|lock)$/;

/** True for the name of a file, without its directory, that holds secrets by custom. Case does not matter. */
export const isSecretName = (name: string): boolean => {
  const folded = name.toLowerCase();
  return (wholeNames.has(folded) || shapes.some((shape) => shape.test(folded))) && !harmless.test(folded);
};
