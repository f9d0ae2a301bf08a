/** The baseline's one client and its two APIs, known to the server and to the load. */
export const CLIENT = { id: 'bench', secret: 'bench-secret-good-for-nothing-else-0123456789' };

/** One resource for each format of access token. */
export const OPAQUE_API = 'https://opaque.acme.example';
export const JWT_API = 'https://jwt.acme.example';

export const SCOPE = 'orders:read';
