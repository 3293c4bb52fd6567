package headerchain

// MaxChainHeaders is the most headers that a [Chain] holds, forks included.
//
// Testnet3, the longest network, has 5.0 million headers in 2026 and mainnet
// gets 52,560 a year, so 2^23 is room for decades; at 100 bytes a header it is
// 840 MB at the very most. The hash index relies on it: see index.go.
const MaxChainHeaders = 1 << 23

// MaxSideHeaders is the most headers off the best header chain that a [Chain]
// holds after [Chain.Accept], but for the best complete tip, what is
// parked, and their ancestors: 25 MB at most, since a header that comes alone takes
// 210 bytes. Mainnet has seen fewer than 2,000 stale headers in 16 years. When there
// are more, those with the least work go.
const MaxSideHeaders = 100_000

// sideSlack is the part of MaxSideHeaders that is made free when there are too
// many: a sixteenth, so that whoever sends one more header after the other makes
// us tidy up for every 6,251st of them.
const sideSlack = 16

// MaxFetchBranches is the number of branches, heaviest first, in which
// [Chain.Missing] looks for bodies. More than one rival branch with more work
// than the complete tip has never been seen for longer than one block.
const MaxFetchBranches = 4

// maxTimewarp is how many seconds the first block of a period may be before its
// parent where BIP-0094 holds.
//
// Source: MAX_TIMEWARP, Bitcoin Core v30.0 src/consensus/consensus.h.
const maxTimewarp = 600

// retargetFactor bounds one change of the target, both ways.
//
// Source: CalculateNextWorkRequired, Bitcoin Core v30.0 src/pow.cpp.
const retargetFactor = 4

// locatorDense is how many entries a locator has before the steps double.
//
// Source: LocatorEntries, Bitcoin Core v30.0 src/chain.cpp.
const locatorDense = 10
