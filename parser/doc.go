// Package parser walks the bytes of a block or a transaction, strictly and in one
// pass, and judges them by every rule that needs neither hashes nor other blocks.
//
// [Parser.Block] says of each transaction how long it and its witness are, counts
// inputs, outputs, witness items and legacy signature operations, and gives a code of
// the closed table of package verdict. [Parser.Transaction] does the same for one
// transaction that stands alone. Both allocate nothing and do not recurse; their time
// grows with the bytes alone, whatever the bytes are.
//
// # Form
//
// Sizes stand in their shortest form, counts fit the bytes that are left, each
// transaction has inputs and outputs, the flag behind a segwit marker is 1, a
// transaction in witness form has a witness, a block has 1 to 16,666 transactions, and
// no byte is left. Whoever breaks this is walked no further: no claim, and the first
// fault in the order of the bytes is the verdict. It outranks every rule.
//
// # Rules
//
// A block of sound form is walked to its end and has a claim, even if it breaks rules.
// Of those that it breaks, the verdict is the first in Bitcoin Core's order, that is
// CheckBlock, then ContextualCheckBlock (v30.0, src/validation.cpp). The order of the
// bytes has no part in it, but for what stands under 3.
//
//  1. CoinbaseMissing: the first transaction is no coinbase, a transaction whose one
//     input spends the null outpoint.
//  2. CoinbaseMultiple: another one is.
//  3. The rules of CheckTransaction (src/consensus/tx_check.cpp); of several broken
//     ones those of the first transaction, and for one transaction in this order:
//     TransactionTooLarge, more than 1,000,000 bytes without witness; for the first
//     output that is wrong ValueNegative, ValueTooLarge (21,000,000 BTC) or
//     TotalTooLarge; DuplicateInputs (CVE-2018-17144); for a coinbase CoinbaseLength,
//     scriptSig not of 2 to 100 bytes, for others NullPrevout.
//  4. Sigops: GetLegacySigOpCount of all scriptSigs and scriptPubKeys (src/script/script.cpp),
//     4 each, exceeds 80,000. A multisig counts for 20, and the count of a script ends
//     at a push that is cut.
//  5. NonFinal: IsFinalTx (src/consensus/tx_verify.cpp) with the median time from
//     CSVHeight on (BIP-0113), with the header's time before.
//  6. CoinbaseHeight: from BIP34Height on, the coinbase's scriptSig does not begin with
//     CScript() << height.
//
// Heights are those of btc.Params, as Core has them built in. Without a height, 5 and
// 6 are left out. A transaction alone is
// judged by 3, and then, if it is a coinbase, by the code Coinbase, as MemPoolAccept
// does.
//
// What some think invalid is not: transactions of 64 bytes, version numbers of any
// value, coinbases that repeat (BIP-0030) or that, before BIP-0034, begin with the
// height of another block.
//
// # Not checked here
//
// What needs hashes is claim's: merkle root and its mutation, witness commitment and
// reserved value, a witness before segwit or without a commitment, the weight of the
// block, the solution of a signet block. What needs the header's place is
// headerchain's: work, bits, time, version. What needs unspent outputs is the
// subscriber's: missing, spent or immature outputs, fees and subsidy, BIP-0030,
// BIP-0068, signature operations of P2SH and witness scripts, the scripts themselves.
//
// # Time
//
// One load and one sum lead from one item to the next; all else hangs on the side.
// Duplicate inputs are found by comparing the few with each other and the many by a
// hash that is keyed at random in each process, since peers choose the outpoints.
//
// # Trust
//
// Runs in: the parser process, inside the wall, and nowhere else.
//
// Reads: whole blocks and transactions as hostile peers sent them.
//
// Hands on: claim.Block, a claim. claim.Check proves its lengths on the other side;
// verdict and counts stay a worker's word.
package parser
