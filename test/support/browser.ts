/** A browser without JavaScript: cookies by host, redirects followed by hand, forms as they stand on the page. */
export interface Page {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface Form {
  readonly action: string;
  readonly fields: Readonly<Record<string, string>>;
}

interface Cookie {
  readonly value: string;
  readonly path: string;
  readonly attributes: string;
}

const MOST_STEPS = 15;

export class Browser {
  readonly #cookies = new Map<string, Map<string, Cookie>>();
  /** Every redirect it followed or was given, in order. */
  readonly redirects: { readonly status: number; readonly from: string; readonly to: string }[] =
    [];
  readonly #hosts: readonly string[];

  /** @param origins where it really goes; a redirect to anywhere else is where it stops. */
  constructor(origins: readonly string[]) {
    this.#hosts = origins.map((origin) => new URL(origin).host);
  }

  get(url: string): Promise<Page> {
    return this.#follow(url);
  }

  submit({ action, fields }: Form, more: Record<string, string> = {}): Promise<Page> {
    return this.#follow(action, new URLSearchParams({ ...fields, ...more }));
  }

  /** A copy of a cookie by name, wherever it is from. */
  cookie(name: string): (Cookie & { readonly name: string }) | undefined {
    for (const cookies of this.#cookies.values()) {
      const cookie = cookies.get(name);
      if (cookie) return { name, ...cookie };
    }
    return undefined;
  }

  setCookie(url: string, name: string, value: string): void {
    this.#jar(url).set(name, { value, path: '/', attributes: '' });
  }

  #jar(url: string): Map<string, Cookie> {
    // Cookies know no port: everything on one host name shares them.
    const { hostname } = new URL(url);
    const jar = this.#cookies.get(hostname) ?? new Map<string, Cookie>();
    this.#cookies.set(hostname, jar);
    return jar;
  }

  async #request(url: string, form?: URLSearchParams): Promise<Response> {
    const { pathname, origin } = new URL(url);
    const cookie = [...this.#jar(url)]
      .filter(([, { path }]) => pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ');
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { ...(cookie && { cookie }), accept: 'text/html', ...(form && { origin }) },
      ...(form && { method: 'POST', body: form }),
    });
    for (const line of response.headers.getSetCookie()) this.#keep(url, line);
    return response;
  }

  #keep(url: string, line: string): void {
    const [, name = '', value = '', attributes = ''] = /^([^=]+)=([^;]*)(.*)$/.exec(line) ?? [];
    const path = /;\s*path=([^;]+)/i.exec(attributes)?.[1] ?? '/';
    if (value === '') this.#jar(url).delete(name);
    else this.#jar(url).set(name, { value, path, attributes });
  }

  async #follow(start: string, form?: URLSearchParams): Promise<Page> {
    let url = start;
    let response = await this.#request(url, form);
    for (let step = 0; step < MOST_STEPS; step += 1) {
      const location = response.headers.get('location');
      if (location === null) {
        const { status, headers } = response;
        return { url, status, headers, text: await response.text() };
      }
      const to = new URL(location, url).href;
      this.redirects.push({ status: response.status, from: url, to });
      if (!this.#hosts.includes(new URL(to).host)) {
        return { url: to, status: response.status, headers: response.headers, text: '' };
      }
      url = to;
      response = await this.#request(url);
    }
    throw new Error('redirects without end');
  }
}

/** The first form of a page. */
export const formOf = ({ url, text }: Page): Form => {
  const [, action] = /<form[^>]*action="([^"]+)"/.exec(text) ?? [];
  if (action === undefined) throw new Error(`no form on ${url}:\n${text}`);
  const fields = Object.fromEntries(
    [...text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(
      ([, name = '', value = '']) => [name, value],
    ),
  );
  return { action: new URL(action.replaceAll('&amp;', '&'), url).href, fields };
};
