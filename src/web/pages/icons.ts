import { raw } from 'hono/html';

type Html = ReturnType<typeof raw>;

const line = 'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"';
const thin = 'fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"';

// Drawn here, so that nothing is fetched; `--gc-icon-cut` is the colour behind the icon.
const drawings = {
  passed: `<circle cx="8" cy="8" r="7" fill="currentColor"/><path d="M4.8 8.3 7 10.5l4.2-4.8" fill="none" stroke="var(--gc-icon-cut)" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/>`,
  failed: `<circle cx="8" cy="8" r="7" fill="currentColor"/><path d="m5.6 5.6 4.8 4.8m0-4.8-4.8 4.8" fill="none" stroke="var(--gc-icon-cut)" stroke-width="1.8" stroke-linecap="round"/>`,
  broken: `<path d="M8 1.2 15.4 14.4H.6Z" fill="currentColor" stroke="currentColor" stroke-linejoin="round"/><path d="M8 6v4m0 2v.1" fill="none" stroke="var(--gc-icon-cut)" stroke-width="1.8" stroke-linecap="round"/>`,
  canceled: `<circle cx="8" cy="8" r="6" ${line}/><path d="m4 12 8-8" ${line}/>`,
  running: `<path d="M14 8a6 6 0 1 1-6-6" ${line}/>`,
  waiting: `<circle cx="8" cy="8" r="6.2" ${thin}/><path d="M8 4.4V8l2.4 1.6" ${thin}/>`,
  held: `<rect x="3" y="7" width="10" height="7" rx="1.4" fill="currentColor"/><path d="M5 7V5a3 3 0 0 1 6 0v2" ${thin}/>`,
  branch: `<circle cx="4.5" cy="3.5" r="1.7" ${thin}/><circle cx="4.5" cy="12.5" r="1.7" ${thin}/><circle cx="11.5" cy="5" r="1.7" ${thin}/><path d="M4.5 5.2v5.6M11.5 6.7c0 2.6-5 2-6.6 4.2" ${thin}/>`,
  commit: `<circle cx="8" cy="8" r="2.8" ${thin}/><path d="M.8 8h4.4m5.6 0h4.4" ${thin}/>`,
  repo: `<path d="M3.5 13.2V3a1.4 1.4 0 0 1 1.4-1.4h7.6v12.8H4.7a1.2 1.2 0 0 1 0-2.4h7.8" ${thin}/>`,
  worker: `<rect x="1.6" y="2.6" width="12.8" height="8.4" rx="1.2" ${thin}/><path d="M5.4 13.8h5.2" ${thin}/>`,
  file: `<path d="M3.4 1.6h5.8l3.4 3.4v9.4H3.4Z M9 1.8V5.2h3.4" ${thin}/>`,
  image: `<rect x="1.8" y="2.8" width="12.4" height="10.4" rx="1.2" ${thin}/><circle cx="5.4" cy="6.2" r="1.1" fill="currentColor"/><path d="m3 12 3.6-3.6 2.2 2.2 2.4-2.8 2 2.2" ${thin}/>`,
  clock: `<circle cx="8" cy="8.6" r="5.6" ${thin}/><path d="M8 5.4v3.4M6.2 1.4h3.6" ${thin}/>`,
  retry: `<path d="M13.4 6.2A5.8 5.8 0 1 0 13.8 9M13.8 2.6v3.8H10" ${line}/>`,
  stop: `<rect x="3.4" y="3.4" width="9.2" height="9.2" rx="1.6" fill="currentColor"/>`,
  approve: `<path d="m3 8.4 3.4 3.4L13 4.6" ${line}/>`,
  download: `<path d="M8 1.8v8M4.6 6.8 8 10.2l3.4-3.4M2.4 13.8h11.2" ${thin}/>`,
  theme: `<circle cx="8" cy="8" r="6.2" ${thin}/><path d="M8 1.8a6.2 6.2 0 0 1 0 12.4Z" fill="currentColor"/>`,
  search: `<circle cx="7" cy="7" r="4.6" ${thin}/><path d="m10.6 10.6 3.8 3.8" ${thin}/>`,
  up: `<path d="m3 10 5-5 5 5" ${line}/>`,
  down: `<path d="m3 6 5 5 5-5" ${line}/>`,
  start: `<path d="M3 2.6h10M3 12l5-5 5 5" ${line}/>`,
  end: `<path d="M3 13.4h10M3 4l5 5 5-5" ${line}/>`,
  copy: `<rect x="5.4" y="5.4" width="8.8" height="8.8" rx="1.2" ${thin}/><path d="M3.4 10.4H2.8A1.2 1.2 0 0 1 1.6 9.2V2.8a1.2 1.2 0 0 1 1.2-1.2h6.4a1.2 1.2 0 0 1 1.2 1.2v.6" ${thin}/>`,
  wrap: `<path d="M1.6 3.4h12.8M1.6 8h9.8a2.3 2.3 0 0 1 0 4.6H8.2m1.8-1.8-1.8 1.8 1.8 1.8M1.6 12.6h3" ${thin}/>`,
} as const;

/** The name of one of our icons. */
export type IconName = keyof typeof drawings;

const names = Object.keys(drawings) as IconName[];

/** All drawings, once a page; `icons` refers to them. */
export const iconSprite: Html = raw(
  `<svg class="gc-sprite" aria-hidden="true">${names
    .map((name) => `<symbol id="i-${name}" viewBox="0 0 16 16">${drawings[name]}</symbol>`)
    .join('')}</svg>`,
);

/** Our icons. They are decoration: words stand beside each. */
export const icons: Readonly<Record<IconName, Html>> = Object.fromEntries(
  names.map((name) => [
    name,
    raw(
      `<svg class="gc-icon${name === 'running' ? ' gc-spin' : ''}" width="16" height="16" aria-hidden="true" focusable="false"><use href="#i-${name}"/></svg>`,
    ),
  ]),
) as Record<IconName, Html>;

/** The mark beside our name. */
export const logo: Html = raw(
  '<svg class="gc-logo" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true" focusable="false"><rect width="32" height="32" rx="7" fill="#1f3a5f"/><path d="M7 25 13.5 12M25 25 18.5 12" stroke="#fff" stroke-width="2.6" stroke-linecap="round"/><path d="M12.2 14.5 9 7.5M19.8 14.5 23 7.5" stroke="#f4a32c" stroke-width="4.4" stroke-linecap="round"/></svg>',
);
