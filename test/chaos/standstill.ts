import type pg from 'pg';
import type { Rig } from '../support/rig.ts';

/** Makes the ledger stand still at one step of one upload, from outside: the statement runs, and does not end. */
export interface Standstill {
  /**
   * From now on whoever takes that step of the upload of a file of that name stands still in it.
   *
   * @returns what resolves when somebody does.
   */
  at(fileName: string, step: LedgerStep): Promise<{ readonly reached: Promise<void> }>;
  /** Whoever stands still with this one goes on. */
  letGo(fileName: string): Promise<void>;
  /** Once the broker is dead: its statement dies with it, undone, and nobody is stopped from now on. */
  end(): Promise<void>;
  stop(): Promise<void>;
}

/** The status that an object is given, its first included; or what is done to its upload in parts, or to its time. */
export type LedgerStep =
  | 'pending'
  | 'uploaded'
  | 'validating'
  | 'available'
  | 'rejected'
  | 'quarantined'
  | 'expired'
  | 'deleted'
  | 'planned'
  | 'named'
  | 'extended';

/** The first of two numbers: a space of its own beside the locks of the broker, which are by one. */
const SPACE = 505;
const WAITING = `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
  AND classid = ${SPACE} AND objsubid = 2`;

export const prepareStandstill = async (rig: Rig): Promise<Standstill> => {
  await rig.ask(`
    CREATE TABLE public.standstill (file_name text NOT NULL, step text NOT NULL);
    CREATE FUNCTION public.stand_still() RETURNS trigger LANGUAGE plpgsql
      SECURITY DEFINER SET search_path = public AS $$
    DECLARE
      taken text := coalesce(TG_ARGV[0], to_jsonb(NEW) ->> 'status');
      whose text := coalesce(to_jsonb(NEW) ->> 'file_name',
        (SELECT file_name FROM stored_object WHERE object_id = NEW.object_id));
    BEGIN
      IF EXISTS (SELECT FROM standstill WHERE file_name = whose AND step = taken)
      THEN PERFORM pg_advisory_xact_lock_shared(${SPACE}, hashtext(whose)); END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER first_status BEFORE INSERT ON stored_object
      FOR EACH ROW EXECUTE FUNCTION public.stand_still();
    CREATE TRIGGER next_status BEFORE UPDATE ON stored_object
      FOR EACH ROW WHEN (NEW.status <> OLD.status) EXECUTE FUNCTION public.stand_still();
    CREATE TRIGGER more_time BEFORE UPDATE ON stored_object
      FOR EACH ROW WHEN (NEW.upload_expires_at > OLD.upload_expires_at)
      EXECUTE FUNCTION public.stand_still('extended');
    CREATE TRIGGER planned BEFORE INSERT ON part_upload
      FOR EACH ROW EXECUTE FUNCTION public.stand_still('planned');
    CREATE TRIGGER named BEFORE UPDATE ON part_upload
      FOR EACH ROW WHEN (OLD.upload_id IS NULL AND NEW.upload_id IS NOT NULL)
      EXECUTE FUNCTION public.stand_still('named');`);
  const door: pg.Client = await rig.connect();
  const waiting = async (which = 'true', values: readonly string[] = []): Promise<number> =>
    (await door.query(`${WAITING} AND ${which}`, [...values])).rowCount ?? 0;
  return {
    at: async (fileName, step) => {
      await door.query(`SELECT pg_advisory_lock(${SPACE}, hashtext($1))`, [fileName]);
      await door.query('INSERT INTO standstill VALUES ($1, $2)', [fileName, step]);
      const isHere = async () =>
        (await waiting('objid::bigint = hashtext($1)::bigint & 4294967295', [fileName])) > 0;
      return { reached: until(isHere, `nobody came to ${step} with ${fileName}`) };
    },
    letGo: async (fileName) => {
      await door.query('DELETE FROM standstill WHERE file_name = $1', [fileName]);
      await door.query(`SELECT pg_advisory_unlock(${SPACE}, hashtext($1))`, [fileName]);
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
