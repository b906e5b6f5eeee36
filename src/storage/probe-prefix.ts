/**
 * Names of objects that are there for a trial begin so. Each trial has a name of its own, or two at once would take each other for
 * the store; what a killed one leaves is swept by its age.
 */
export const probePrefix = 'groundcrew-probe-';
