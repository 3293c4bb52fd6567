// Package signet judges whether the signers of a signet have signed a block
// (BIP-0325).
//
// [Parse] reads the challenge of a signet, a script, once at the start. Its
// [Challenge.CheckSolution] is what claim.Checker asks of each block that it has
// proven: it cuts the solution out of the coinbase, makes the two transactions that
// BIP-0325 describes, and checks the signatures.
//
// There is no script interpreter here. Two forms of challenge are known: one
// compressed key, and k of n compressed keys, which is what the public signet has.
// [Parse] refuses every other by its name. A solution is read as pushes alone, which
// is all that a signer of these two forms has a use for; Bitcoin Core would also run
// operations that leave the right signatures behind. So a signer, and nobody else,
// could make a block that Core takes and that is refused here.
//
// # Trust
//
// Runs in: the adapter and every verifying subscriber, on signets only.
//
// Reads: the coinbase of a block whose body is proven to be the header's, but which
// anybody may have mined: signets have next to no proof of work.
//
// Hands on: a verdict.
package signet
