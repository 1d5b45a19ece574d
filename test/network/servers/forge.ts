import { answerGit } from "./git.ts";
import type { Answer } from "./secure.ts";
import { sendJson } from "./secure.ts";

/** `NAME:PASSWORD` of a Basic credential (RFC 7617); the empty text for anything else. */
export const basicOf = (authorization: string | undefined): string =>
  Buffer.from(/^Basic (.*)$/i.exec(authorization ?? "")?.[1] ?? "", "base64").toString();

/** A forge: repositories over git's own protocol behind a password, and a small part of its API behind a token. */
export const createForge = (repositories: string, token: string): Answer => {
  const isApi = (authorization: string | undefined): boolean => /^(?:token|Bearer) /i.test(authorization ?? "");
  return (request, response) => {
    const { authorization } = request.headers;
    const { pathname } = new URL(request.url ?? "/", "https://any.test");
    const given = isApi(authorization) ? authorization!.split(" ")[1] : basicOf(authorization).split(":")[1];
    if (given !== token) {
      request.resume();
      response.setHeader("www-authenticate", 'Basic realm="forge"');
      return sendJson(response, { message: "Bad credentials" }, 401);
    }
    if (pathname.startsWith("/git/")) return answerGit(repositories, request, response);
    request.resume();
    if (pathname === "/user") return sendJson(response, { login: "agnes", id: 1 });
    if (pathname === "/graphql") return sendJson(response, { data: { viewer: { login: "agnes" } } });
    return sendJson(response, { message: "Not Found" }, 404);
  };
};

/** A registry of packages that shows `pages` to whoever brings the token. */
export const createPrivateRegistry =
  (pages: ReadonlyMap<string, (origin: string) => string | Buffer>, token: string): Answer =>
  (request, response) => {
    request.resume();
    const { pathname } = new URL(request.url ?? "/", "https://any.test");
    if (request.headers.authorization !== `Bearer ${token}`) return sendJson(response, { error: "who are you?" }, 401);
    const page = pages.get(pathname);
    const type = pathname.endsWith(".tgz") ? "application/octet-stream" : "application/json";
    response.writeHead(page ? 200 : 404, { "content-type": type });
    response.end(page?.(`https://${request.headers.host ?? request.headers[":authority"]}`) ?? "{}");
  };
