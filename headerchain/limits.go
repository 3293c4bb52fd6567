package headerchain

// MaxChainHeaders is the most headers that a [Chain] holds, forks included.
//
// It cannot refuse an honest chain for a long time: mainnet, signet and testnet4
// have below a million headers in 2026 and get 52,560 a year, some 300 years. Testnet3,
// the longest by far, has 5.0 million after 15 years, 330,000 a year with all its
// floods of blocks, so 11.7 million more are 35 years. Whoever wants to fill it needs
// work: what is not on the best chain is bounded by [MaxSideHeaders]. At 100 bytes a
// header it is 1.7 GB at the very most. The hash index cannot do more: see index.go.
const MaxChainHeaders = 1<<24 - 1

// MaxSideHeaders is the most headers off the best header chain that a [Chain]
// holds after [Chain.Accept], but for the best complete tip, what is
// parked, what is held by [Chain.AcceptHeld], and their ancestors: 25 MB at most, since a header that comes alone takes
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

// MaxHolds is the most holders that [Chain.AcceptHeld] serves at once. It is more
// than the adapter has peers: 64 named by the operator and 125 others.
const MaxHolds = 256

// thresholdBlocks is how many blocks' work below the best complete tip a branch may
// end and still be kept: a day.
//
// Source: GetAntiDoSWorkThreshold, Bitcoin Core v30.0 src/net_processing.cpp.
const thresholdBlocks = 144

// blocksPerSecond is the most blocks that a chain can have for each second that
// passes: by the median rule each six headers need a later time.
//
// Source: HeadersSyncState, Bitcoin Core v30.0 src/headerssync.cpp.
const blocksPerSecond = 6
