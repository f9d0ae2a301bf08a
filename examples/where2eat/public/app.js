import { createDaypass, Refused } from './daypass.js';
import { createSignIn, RESOURCE } from './sign-in.js';

/** Where2Eat: sign in, trade the sign-in for a pass that lives two minutes, and do everything with the pass. */

const settings = await (await fetch('/settings.json')).json();
const signIn = createSignIn(settings);
const call = createDaypass(settings.broker, signIn.prove);

const find = (id) => document.getElementById(id);
const show = (id, isShown = true) => {
  find(id).hidden = !isShown;
};
const log = (text) => {
  const item = document.createElement('li');
  item.textContent = text;
  find('log').append(item);
};

/** One of `signed-out`, `signed-in`, `lapsed`. */
const turnTo = (state) => {
  for (const each of ['signed-out', 'signed-in', 'lapsed']) show(each, each === state);
};

/** What is held of Daypass: two minutes, reading and writing pictures, for this key alone. */
let pass;

const exchange = async () => {
  const user = await signIn.current();
  const answer = await call('/exchange', {
    credential: signIn.credential(user),
    body: {
      resource: RESOURCE,
      actions: ['read', 'write'],
      ttl: 120,
      constraints: { content_types: ['image/*'] },
    },
  });
  log(`Exchanged the sign-in for a pass: ${answer.token_id}, ${answer.expires_in} s`);
  pass = { scheme: 'DPoP', token: answer.access_token };
};

/** With the pass there is; with a new one where it has ended and the sign-in lasts. */
const withPass = async (path, options = {}) => {
  if (!pass) await exchange();
  try {
    return await call(path, { ...options, credential: pass });
  } catch (error) {
    if (!(error instanceof Refused && error.isOver)) throw error;
    pass = undefined;
    await exchange();
    return call(path, { ...options, credential: pass });
  }
};

const upload = async (file) => {
  const { name: filename, size, type: contentType } = file;
  const asked = await withPass('/request-upload', { body: { filename, size, contentType } });
  log(`May upload ${asked.objectId} until ${asked.expiresAt}`);
  // Straight to the storage: the URL is all it takes, and no token of ours goes there.
  const { uploadUrl, method, headers } = asked;
  const put = await fetch(uploadUrl, { method, headers, body: file });
  if (!put.ok) throw new Error(`the storage answered ${put.status}`);
  await withPass(`/uploads/${asked.objectId}/complete`); // a hint, to be looked at sooner
  return asked.objectId;
};

const ENDS = ['available', 'rejected', 'quarantined', 'expired'];

/** Nobody can read it until it was looked at. */
const untilLookedAt = async (objectId) => {
  for (;;) {
    const { status, reason } = await withPass(`/uploads/${objectId}`, { method: 'GET' });
    const what = reason ? `${status}: ${reason}` : status;
    if (find('status').textContent !== what) log(`${objectId} is ${what}`);
    find('status').textContent = what;
    if (ENDS.includes(status)) return status;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
};

let shared = '';

const follow = async (url) => {
  const response = await fetch(url);
  log(`The link answered ${response.status}`);
  if (!response.ok) throw new Error('This link was used already: it worked once.');
  find('shared').src = URL.createObjectURL(await response.blob());
  show('shared');
};

/** Does `work`, and says what went wrong: that access has ended, or what Daypass says of it. */
const trying = async (work) => {
  show('notice', false);
  try {
    await work();
  } catch (error) {
    const isOver = error instanceof Refused && error.isOver;
    log(`Refused: ${error.message}`);
    if (isOver) {
      pass = undefined;
      turnTo('lapsed');
      return;
    }
    find('notice').textContent = error.message;
    show('notice');
  }
};

const on = (id, event, work) =>
  find(id).addEventListener(event, (occurrence) => {
    occurrence.preventDefault();
    void trying(work);
  });

let objectId = '';

on('sign-in', 'click', () => signIn.begin());
on('upload', 'submit', async () => {
  show('available', false);
  show('shared', false);
  show('again', false);
  objectId = await upload(find('picture').files[0]);
  show('available', (await untilLookedAt(objectId)) === 'available');
});
on('share', 'click', async () => {
  const { downloadUrl, guarantee } = await withPass('/request-download', { body: { objectId } });
  log(`A link: ${guarantee}`);
  shared = downloadUrl;
  await follow(shared);
  show('again');
});
on('again', 'click', () => follow(shared));
on('renew', 'click', async () => {
  if (await signIn.renew()) {
    log('Renewed without being asked anything');
    turnTo('signed-in');
    return;
  }
  log('Nobody is signed in any more');
  await signIn.forget();
  await welcome();
});
on('sign-out', 'click', () => signIn.end());

/** The page as it is for whoever is signed in, or for nobody. */
const welcome = async () => {
  const user = await signIn.current();
  show('who', user !== null);
  if (user === null) {
    turnTo('signed-out');
    return;
  }
  find('who').textContent = `Signed in as ${user.profile.name ?? user.profile.sub}`;
  turnTo('signed-in');
};

await trying(async () => {
  if (location.pathname === '/callback') {
    const returned = location.href;
    history.replaceState(null, '', '/'); // a code is for nobody's history
    try {
      const user = await signIn.finish(returned);
      if (user === undefined) return; // a popup, which closes
      log('Signed in');
    } finally {
      await welcome();
    }
    return;
  }
  if (location.search !== '') history.replaceState(null, '', '/'); // back from signing out
  await welcome();
});
