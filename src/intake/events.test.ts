import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GroundcrewError } from '../base/errors.ts';
import type { Change, StatusSeen } from '../core/change.ts';
import { scheduleOccasion, type ForgeEvent, type ScheduleSlot } from '../core/forge-event.ts';
import { jobIdOf, type JobId } from '../core/job.ts';
import type { PersonRequest } from '../core/request.ts';
import { ask } from '../../test/support/decide-world.ts';
import { openIntakeWorld, viewOf, type IntakeWorld } from '../../test/support/intake-world.ts';
import { aChange, anOrder, shaOf } from '../../test/support/ledger-world.ts';
import type { CleansUp } from '../../test/support/temp-dir.ts';

const main = aChange();
const pull = aChange(anOrder({ pull: 7, sha: shaOf('b') }));
const slot: ScheduleSlot = { name: 'nightly', at: Date.parse('2026-11-22T02:00:00Z'), contexts: ['test'] };
const slotJob: JobId = jobIdOf({ ...anOrder(), occasion: scheduleOccasion(slot) });
const never = new AbortController().signal;

const about = ({ forge, repo, key }: Change) => ({ forge, repo, changeKey: key });
const commitEvent = (sha: string): ForgeEvent => ({
  kind: 'commit',
  forge: 'git',
  repo: 'demo',
  changeKey: `git|demo|commit/${sha}`,
  sha,
});
const repositoryEvent: ForgeEvent = {
  kind: 'repository',
  forge: 'git',
  repo: 'demo',
  changeKey: 'git|demo|repository',
};
const slotEvent = (given: { readonly isOnlyResumed?: true } = {}): ForgeEvent => ({
  kind: 'schedule',
  ...about(main),
  slot,
  ...given,
});

/** A forge that remembers statuses, with a branch and a pull request that were looked at. */
async function world(t: CleansUp): Promise<IntakeWorld> {
  const made = openIntakeWorld(t, { remembersStatuses: true, tellsVersions: true });
  for (const change of [main, pull]) made.forge.shows.set(change.key, viewOf(change));
  await made.intake.scan('git', 'demo', never);
  made.forge.looks.length = 0;
  return made;
}

const handled = (of: IntakeWorld) => async (): Promise<boolean> => (await of.ledger.pendingDeliveries(1)).length === 0;
const occasions = async ({ ledger }: IntakeWorld, change: Change): Promise<readonly string[]> =>
  (await ledger.jobsOfChange(change.key, change.headSha)).map(({ occasion }) => occasion).sort();

test('what moves at a commit is looked at where that commit is the head', async (t) => {
  const of = await world(t);
  await of.tell('d1', commitEvent(pull.headSha));
  await of.work(handled(of));
  assert.deepEqual(of.forge.looks, [pull.key]);
});

test('a commit that is the head of no open place leads nowhere', async (t) => {
  const of = await world(t);
  of.forge.shows.set(pull.key, viewOf({ ...pull, isOpen: false, version: 2 }));
  await of.deliver('closed', pull);
  await of.work(handled(of));
  of.forge.looks.length = 0;
  await of.tell('d1', commitEvent(shaOf('e')));
  await of.tell('d2', commitEvent(pull.headSha));
  await of.work(handled(of));
  assert.deepEqual(of.forge.looks, []);
});

test('a request that stands at the commit is found by the event of its status', async (t) => {
  const of = await world(t);
  const trigger: PersonRequest = ask('test', { id: 'status/1', sha: pull.headSha, contexts: ['test'] });
  await of.ledger.applyDecision({ change: pull, actions: [], deliveryIds: [], now: 1, traceId: 't' });
  const [job] = await of.ledger.jobsOfChange(pull.key, pull.headSha);
  assert.ok(job);
  await of.ledger.applyDecision({
    change: pull,
    actions: [{ kind: 'cancel', jobId: job.id, reason: 'person', by: 'ada' }],
    deliveryIds: [],
    now: 2,
    traceId: 't',
  });
  of.forge.shows.set(pull.key, { ...viewOf(pull), requests: [trigger] });
  await of.tell('d1', commitEvent(pull.headSha));
  await of.work(handled(of));
  assert.deepEqual(await occasions(of, pull), ['change', 'request:status/1']);
});

test('news of a repository is a scan of it, and waits for a forge that is away', async (t) => {
  const of = await world(t);
  const whole = { ...of.forge };
  let tries = 0;
  Object.assign(of.forge, {
    places: async (...call: Parameters<typeof whole.places>) => {
      tries += 1;
      if (tries === 1) throw new GroundcrewError('forge/away', 'nobody answers', { retry: 'later' });
      return whole.places(...call);
    },
  });
  const added = aChange(anOrder({ pull: 8, sha: shaOf('c') }));
  of.forge.shows.set(added.key, viewOf(added));
  await of.tell('d1', repositoryEvent);
  await of.work(handled(of));
  assert.equal(tries, 2);
  assert.deepEqual(await occasions(of, added), ['change']);
});

test('a slot runs its contexts once, on an unchanged commit too, and ends with its actions', async (t) => {
  const of = await world(t);
  await of.tell('slot', slotEvent());
  await of.work(handled(of));
  assert.deepEqual(await occasions(of, main), ['change', scheduleOccasion(slot)]);
  const jobs = await of.ledger.jobsOfChange(main.key, main.headSha);
  assert.ok(jobs.some(({ id }) => id === slotJob));
  // The delivery is known by its id: nothing comes of it again.
  await of.tell('slot', slotEvent());
  await of.work(handled(of));
  assert.equal((await of.ledger.jobsOfChange(main.key, main.headSha)).length, 2);
});

test('after a lost ledger the last slot is judged by what the forge shows of it', async (t) => {
  const shown = (state: StatusSeen['state'], isCanceled = false): StatusSeen => ({
    context: 'test',
    state,
    description: '',
    jobId: slotJob,
    generation: 3,
    changeJobId: anOrder().id,
    isCanceled,
  });
  const cases: readonly (readonly [string, readonly StatusSeen[], boolean])[] = [
    ['it passed', [shown('success')], false],
    ['it failed', [shown('failure')], false],
    ['nobody ever asked for it', [], false],
    ['it was under way', [shown('pending')], true],
    ['it was superseded by a push that was undone', [shown('error', true)], true],
  ];
  for (const [what, statuses, isRun] of cases) {
    const of = openIntakeWorld(t, { remembersStatuses: true });
    of.forge.shows.set(main.key, { ...viewOf(main), statuses });
    await of.tell('slot', slotEvent({ isOnlyResumed: true }));
    await of.work(handled(of));
    const job = (await of.ledger.jobsOfChange(main.key, main.headSha)).find(({ id }) => id === slotJob);
    assert.equal(job !== undefined, isRun, what);
    if (isRun) assert.equal(job?.generation, 4, 'the forge remembers how often it began');
  }
});

test('a slot that came in the life of this ledger runs once, though the forge shows that it ran', async (t) => {
  const of = await world(t);
  await of.tell('slot', slotEvent());
  await of.work(handled(of));
  const status: StatusSeen = {
    context: 'test',
    state: 'success',
    description: '',
    jobId: slotJob,
    generation: 1,
    changeJobId: anOrder().id,
    isCanceled: false,
  };
  // Another ledger, to which the scheduler tells the very slot anew.
  const again = openIntakeWorld(t, { remembersStatuses: true });
  again.forge.shows.set(main.key, { ...viewOf(main), statuses: [status] });
  await again.tell('slot', slotEvent());
  await again.work(handled(again));
  assert.deepEqual(await occasions(again, main), []);
});

test('a look knows since when the place has its head, and what is skipped there', async (t) => {
  const of = await world(t);
  const since = async (): Promise<number | undefined> =>
    (await of.intake.peek('git', 'demo', pull.key, never))?.snapshot.headSince;
  of.forge.shows.set(pull.key, viewOf({ ...pull, version: 5, title: 'Another title' }));
  assert.equal(await since(), 1, 'the head is as old as the first view of it');
  of.forge.shows.set(pull.key, viewOf({ ...pull, version: 6, headSha: shaOf('c') }));
  assert.equal(await since(), undefined, 'of a head that is new to us nobody knows it');
  await of.ledger.applyDecision({
    change: { ...pull, version: 6, headSha: shaOf('c') },
    actions: [{ kind: 'skip', sha: shaOf('c'), context: 'test', sentence: 'Skipped by ada' }],
    deliveryIds: [],
    now: 1,
    traceId: 't',
  });
  const peeked = await of.intake.peek('git', 'demo', pull.key, never);
  assert.deepEqual(
    peeked?.snapshot.skipped?.map((skip) => skip.context),
    ['test'],
  );
});

test('a request of the page is kept until it is carried out, and parked when its project is gone', async (t) => {
  const of = await world(t);
  const request = ask('retry', { id: 'r1', sha: pull.headSha, contexts: ['test'] });
  const [job] = await of.ledger.jobsOfChange(pull.key, pull.headSha);
  await of.ledger.applyDecision({
    change: pull,
    actions: job === undefined ? [] : [{ kind: 'cancel', jobId: job.id, reason: 'person', by: 'ada' }],
    deliveryIds: [],
    now: 2,
    traceId: 't',
  });
  await of.tell('d1', { kind: 'request', ...about(pull), request });
  await of.tell('d2', { kind: 'request', forge: 'git', repo: 'gone', changeKey: 'git|gone|branch/main', request });
  await of.work(handled(of));
  assert.deepEqual(await occasions(of, pull), ['change', 'request:r1']);
});

test('a place whose job another place stopped asks for it again, though nothing moved there', async (t) => {
  const of = openIntakeWorld(t, { remembersStatuses: true, tellsVersions: true });
  const [one, two] = [5, 6].map((number) => aChange(anOrder({ pull: number, sha: shaOf('b') })));
  assert.ok(one && two);
  for (const change of [one, two]) {
    of.forge.shows.set(change.key, viewOf(change));
    await of.deliver(change.key, change);
    await of.work(handled(of));
  }
  // The same question (R12): one job, which belongs to whoever asked last.
  const [job] = await of.ledger.jobsOfChange(one.key, one.headSha);
  const owner = job?.changeKey === one.key ? one : two;
  const other = owner === one ? two : one;
  of.forge.shows.set(owner.key, viewOf({ ...owner, headSha: shaOf('c'), version: 2 }));
  await of.deliver('push', { ...owner, headSha: shaOf('c') });
  await of.work(async () => (await of.ledger.jobsOfChange(other.key, other.headSha))[0]?.generation === 2);
  const [again] = await of.ledger.jobsOfChange(other.key, other.headSha);
  assert.deepEqual([again?.id, again?.isEnded, again?.changeKey, again?.generation], [job?.id, false, other.key, 2]);
});
