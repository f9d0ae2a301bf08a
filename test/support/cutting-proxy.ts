import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Stands between the broker and its database, and can break what passes. */
export interface CuttingProxy {
  readonly port: number;
  /** Breaks each connection whose client speaks from now on, once the server has answered: unheard. */
  swallowAnswers(isOn: boolean): void;
  /** Bytes in both directions wait, as on a network that lost its route. */
  hold(isOn: boolean): void;
  /** Answers that were swallowed so far. */
  swallowed(): number;
  stop(): Promise<void>;
}

export const startCuttingProxy = async (target: {
  readonly host: string;
  readonly port: number;
}): Promise<CuttingProxy> => {
  const sockets = new Set<Socket>();
  let isSwallowing = false;
  let isHolding = false;
  let swallowed = 0;

  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    if (isHolding) socket.pause();
  };
  const server = createServer((client) => {
    const upstream = connect(target);
    keep(client);
    keep(upstream);
    client.on('data', (chunk) => upstream.write(chunk));
    upstream.on('data', (chunk) => {
      // The statement has run and committed by now. Only the broker never learns it.
      if (isSwallowing) {
        swallowed += 1;
        client.destroy();
      } else client.write(chunk);
    });
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve());
  });
  return {
    port: (server.address() as AddressInfo).port,
    swallowAnswers: (isOn) => {
      isSwallowing = isOn;
    },
    hold: (isOn) => {
      isHolding = isOn;
      for (const socket of sockets) isOn ? socket.pause() : socket.resume();
    },
    swallowed: () => swallowed,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
};
