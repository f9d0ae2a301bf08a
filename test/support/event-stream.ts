export interface FeedEvent {
  readonly id: number;
  readonly event: string | undefined;
  readonly data:
    | {
        readonly revocation_id: string;
        readonly target: Readonly<Record<string, string>>;
        readonly lifted: boolean;
        readonly effective_at: string;
      }
    | undefined;
}

export interface EventStream {
  readonly response: Response;
  /** The next block that is no comment; undefined where the stream has ended. */
  next(): Promise<FeedEvent | undefined>;
  close(): void;
}

/** `/revocations/feed` of the broker at `url`, read by the rules of server-sent events. */
export const openEventStream = async (url: string, init: RequestInit): Promise<EventStream> => {
  const abort = new AbortController();
  const response = await fetch(`${url}/revocations/feed`, { ...init, signal: abort.signal });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const next = async (): Promise<FeedEvent | undefined> => {
    for (;;) {
      const end = text.indexOf('\n\n');
      if (end >= 0) {
        const block = text.slice(0, end);
        text = text.slice(end + 2);
        if (!block.startsWith(':')) return toEvent(block);
        continue;
      }
      const { done, value } = await reader.read();
      if (done) return undefined;
      text += value;
    }
  };
  return { response, next, close: () => abort.abort() };
};

const toEvent = (block: string): FeedEvent => {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
  const data = field('data');
  return {
    id: Number(field('id')),
    event: field('event'),
    data: data === undefined ? undefined : JSON.parse(data),
  };
};
