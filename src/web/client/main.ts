import { wireActions } from './actions.ts';
import { startLive } from './live.ts';
import { openLogView } from './log-view.ts';
import { keepTimes } from './times.ts';
import { wireTheme } from './theme-button.ts';
import { takeTokenFromAddress } from './token.ts';
import { wireCopyButtons } from './copy-buttons.ts';

takeTokenFromAddress();
wireTheme();
wireActions();
wireCopyButtons();
keepTimes();
openLogView(startLive());
