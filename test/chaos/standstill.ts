import type pg from 'pg';
import type { Rig } from '../support/rig.ts';

/** Makes the ledger stand still at one step of one upload, from outside: the statement runs, and does not end. */
export interface Standstill {
  /** Resolves when a broker is in the middle of that step, and waits in it. */
  at(objectId: string, status: string): Promise<void>;
  /** Once the broker is dead: its statement dies with it, undone, and nobody is stopped from now on. */
  end(): Promise<void>;
  stop(): Promise<void>;
}

/** The first of two numbers: a space of its own beside the locks of the broker, which are by one. */
const SPACE = 505;
const WAITING = `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
  AND classid = ${SPACE} AND objsubid = 2`;

export const prepareStandstill = async (rig: Rig): Promise<Standstill> => {
  await rig.ask(`
    CREATE TABLE public.standstill (object_id text NOT NULL, status text NOT NULL);
    CREATE FUNCTION public.stand_still() RETURNS trigger LANGUAGE plpgsql
      SECURITY DEFINER SET search_path = public AS $$
    BEGIN
      IF NEW.status <> OLD.status
        AND EXISTS (SELECT FROM standstill WHERE object_id = NEW.object_id AND status = NEW.status)
      THEN PERFORM pg_advisory_xact_lock_shared(${SPACE}, hashtext(NEW.object_id)); END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER stand_still BEFORE UPDATE ON stored_object
      FOR EACH ROW EXECUTE FUNCTION public.stand_still();`);
  const door: pg.Client = await rig.connect();
  const waiting = async (which = 'true', values: readonly string[] = []): Promise<number> =>
    (await door.query(`${WAITING} AND ${which}`, [...values])).rowCount ?? 0;
  return {
    at: async (objectId, status) => {
      await door.query(`SELECT pg_advisory_lock(${SPACE}, hashtext($1))`, [objectId]);
      await door.query('INSERT INTO standstill VALUES ($1, $2)', [objectId, status]);
      const isHere = async () =>
        (await waiting('objid::bigint = hashtext($1)::bigint & 4294967295', [objectId])) > 0;
      await until(isHere, `nobody made ${objectId} ${status}`);
    },
    end: async () => {
      // A server process learns of its client's death when it next speaks to it: too late for this.
      await door.query(`SELECT pg_terminate_backend(pid) FROM (${WAITING}) AS waiting`);
      await until(async () => (await waiting()) === 0, 'the dead still wait');
      await door.query('DELETE FROM standstill');
      await door.query('SELECT pg_advisory_unlock_all()');
    },
    stop: () => door.end(),
  };
};

export const until = async (
  is: () => Promise<boolean>,
  otherwise: string,
  seconds = 30,
): Promise<void> => {
  const end = performance.now() + seconds * 1000;
  while (!(await is())) {
    if (performance.now() > end) throw new Error(otherwise);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
};
