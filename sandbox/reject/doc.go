// Package reject gives the reasons for which a block or a transaction is refused the
// words that Bitcoin Core has for them.
//
// [Reason] takes any error of package claim, or of who wraps one. It is a package of
// its own because these words decide nothing: claim, which does, stays small.
//
// # Trust
//
// Runs in: the adapter and the commands.
//
// Reads: errors of claim.
//
// Hands on: words, for people and for comparison with Core. No code may branch on
// them.
package reject
