// Package parser walks the bytes of a block, strictly and in one pass.
//
// [Block] says of each transaction how long it and its witness are, or why the
// bytes are no block: a code of claim's closed table. Structure is all that it
// judges: sizes in their shortest form, counts that fit the bytes that are left,
// inputs and outputs in every transaction, no witness form without a witness, no
// byte too many. It allocates nothing and does not recurse; its time grows with
// the bytes alone.
//
// # Trust
//
// Runs in: the parser process, inside the wall, and nowhere else.
//
// Reads: whole blocks as hostile peers sent them.
//
// Hands on: claim.Block, a claim that claim.Check proves on the other side.
package parser
