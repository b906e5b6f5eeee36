import { openEmbeddedBroker } from '../../../test/support/embedded-broker.ts';
import { testQueueContract } from '../queue.contract.ts';

testQueueContract('embedded', () => openEmbeddedBroker());
