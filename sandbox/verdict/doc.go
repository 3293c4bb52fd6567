// Package verdict is the closed table of what a worker may say about the bytes
// that it walked: well formed, malformed for one reason, or one rule broken.
//
// A [Code] has a sentence for people ([Code.String]) and the reject reason that
// Bitcoin Core gives for the same fault ([Code.Reason]). [Code.Rule] tells the two
// kinds of fault apart: a block that breaks a rule was walked to its end, so that
// its claim can be proven; one that is malformed has no claim.
//
// # Trust
//
// Runs in: the parsers, where codes are made, and every process that reads them.
//
// Reads: nothing. Whoever decodes a code asks [Code.Valid] first.
//
// Hands on: words. A code is a worker's word, and no worker's word is proof.
package verdict
