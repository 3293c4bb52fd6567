package signet

// The limits of a script that runs.
//
// Source: MAX_SCRIPT_SIZE, MAX_SCRIPT_ELEMENT_SIZE and MAX_STACK_SIZE, Bitcoin Core
// v30.0 src/script/script.h.
const (
	maxScriptSize  = 10_000
	maxElementSize = 520
	maxStackSize   = 1000
)

// maxKeys is the most keys of a challenge: as many as one opcode can name. Scripts
// with up to 20 keys could be written by longer pushes; nobody does.
const maxKeys = 16
