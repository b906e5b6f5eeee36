import type { ForgeModel, ModelComment, ModelPlace } from './forge-model.ts';
import type { House } from './house.ts';

/** People open, push, close, label and comment for a minute and a half. */
export function letPeopleWork(house: House): void {
  const { world, forge } = house;
  const { dice } = world;
  const pushes: string[] = [];
  const places = Array.from({ length: dice.integer(1, 4) }, (_, i) =>
    i === 0 && dice.chance(0.5)
      ? { pull: null, branch: 'main', isTrusted: true, baseRef: 'main' }
      : { pull: i + 1, branch: null, isTrusted: dice.chance(0.7), baseRef: 'main' },
  );
  for (const place of places) {
    world.at(dice.between(0, 60_000), () => {
      const made = forge.open(place);
      pushes.push(made.headSha);
      const acts = dice.integer(0, 4);
      for (let i = 0; i < acts; i += 1) {
        world.at(dice.between(100, 90_000), () => {
          const what = dice.fraction();
          if (what < 0.4)
            forge.push(
              made,
              dice.chance(0.3)
                ? dice.pick(pushes.filter((sha) => sha !== made.headSha).concat(forge.newSha()))
                : pushNew(forge, pushes),
            );
          else if (what < 0.5 && made.pull !== null) forge.setOpen(made, !made.isOpen);
          else if (what < 0.56 && made.pull !== null) forge.setBase(made, made.baseRef === 'main' ? 'stable' : 'main');
          else if (what < 0.62 && made.pull !== null) forge.toggleLabel(made, 'no-test');
          else {
            const said = anyComment(house, made);
            forge.comment(made, said);
            const hasAsked = said.isHelper === true && (said.kind === 'test' || said.kind === 'retry');
            // Who asked for a run may be the next whom nobody trusts, while it goes on, and its author with him.
            if (hasAsked && made.pull !== null && dice.chance(0.5))
              world.at(dice.between(500, 15_000), () => {
                forge.isHelperTrusted = false;
                forge.setTrusted(made, false);
              });
            // Who waits to be let in may push what nobody has seen just behind the word that lets him in.
            if (dice.chance(made.isTrusted ? 0.1 : 0.35))
              world.at(dice.between(1, 2_000), () => {
                forge.push(made, pushNew(forge, pushes));
              });
          }
        });
      }
    });
  }
  // A burst, so that there is more work than room.
  if (dice.chance(0.15)) {
    world.at(dice.between(0, 60_000), () => {
      for (let i = 0; i < 6; i += 1) forge.open({ pull: 100 + i, branch: null, isTrusted: true, baseRef: 'main' });
    });
  }
}

/** Who may what, and what is tested, is not for ever. Rare, each of them, and over before the adversary leaves. */
export function letPeopleChangeTheirMind(
  { world, forge, server, policy, contexts }: House,
  count: (what: string) => void,
): void {
  const { dice } = world;
  const soon = (): number => dice.between(5_000, 110_000);
  const later = (): number => dice.between(1_000, 39_000);
  if (dice.chance(0.15))
    world.at(soon(), () => {
      const pulls = [...forge.places.values()].filter(({ pull, isTrusted }) => pull !== null && isTrusted);
      if (pulls.length === 0) return;
      count('trust taken away');
      const place = dice.pick(pulls);
      forge.setTrusted(place, false);
      if (dice.chance(0.3))
        world.at(later(), () => {
          forge.setTrusted(place, true);
        });
    });
  if (dice.chance(0.06))
    world.at(soon(), () => {
      count('helper distrusted');
      forge.isHelperTrusted = false;
      world.note('forge', () => 'carl may do nothing any more');
    });
  if (dice.chance(0.12))
    world.at(soon(), () => {
      count('trust unclear');
      forge.isDark = true;
      world.at(later(), () => {
        forge.isDark = false;
      });
    });
  if (contexts.length > 1 && dice.chance(0.12))
    world.at(soon(), () => {
      count('check removed');
      const context = dice.pick(contexts);
      const change = (isThere: boolean): void => {
        if (isThere) policy.removed.delete(context);
        else policy.removed.add(context);
        world.note('world', () => `the policy ${isThere ? 'has' : 'loses'} ${context}`);
        server.policyChanged();
      };
      policy.everRemoved.add(context);
      change(false);
      if (dice.chance(0.4))
        world.at(later(), () => {
          change(true);
        });
    });
}

/** Whatever people write, half of it without naming a commit, and some of it by strangers. */
function anyComment({ world, contexts }: House, place: ModelPlace): ModelComment {
  const { dice } = world;
  const who = dice.fraction();
  const by = { isStranger: who < 0.15, isHelper: who > 0.88 };
  const named = dice.chance(0.5) ? [dice.pick(contexts)] : [];
  const what = dice.fraction();
  const sha = dice.chance(0.5) ? { sha: place.headSha.slice(0, dice.chance(0.5) ? 40 : 7) } : {};
  if (what < 0.5) return { kind: 'approve', ...by, ...sha };
  if (what < 0.75) {
    const kind = dice.chance(0.5) ? 'test' : 'retry';
    return { kind, contexts: named, ...by, isOnlyFailed: kind === 'retry' && dice.chance(0.3) };
  }
  if (what < 0.88) return { kind: 'cancel', contexts: named, ...by };
  return { kind: 'skip', contexts: [dice.pick(contexts)], ...by, ...sha };
}

function pushNew(forge: ForgeModel, pushes: string[]): string {
  const sha = forge.newSha();
  pushes.push(sha);
  return sha;
}
