// Package measure is the mathematics behind terroir's regional measures: tables of counts and how strongly they depend on
// the region, reach corrected for volume, comparisons of rankings, what a configuration loses and what a port would gain,
// how much of one region's knowledge is of use in another, and what a rollout changed.
//
// It works on plain Go types and knows nothing of events, views or files. Everything is deterministic: what is random takes
// a seed, and the work is cut into blocks that have random streams of their own, so a result is the same from run to run and
// on any number of cores. Functions that may run long take a context, and return its error when it ends.
//
// An effect size goes with every p-value, and n with every effect size. The unit is the distinct source, not the event: the
// events of one source are not independent of each other.
package measure
