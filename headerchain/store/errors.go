package store

import "errors"

var (
	// ErrLocked says that another process has the file open.
	ErrLocked = errors.New("in use by another process")
	// ErrFormat says that the file is none of ours. It is left as it is.
	ErrFormat = errors.New("not a file of headers")
	// ErrNewer says that a newer blockgate wrote the file.
	ErrNewer = errors.New("written by a newer blockgate")
	// ErrNetwork says that the file is of another network.
	ErrNetwork = errors.New("of another network")
	// ErrDamaged says that a record that was on the disk does not check any more.
	ErrDamaged = errors.New("does not check: the file is damaged")
	// ErrTooMany says that the file has, or would have, more than [MaxRecords].
	ErrTooMany = errors.New("too many records")
	// ErrBehind says that more than [MaxWaiting] headers waited for the disk. What
	// waits is still written, what comes is not taken: after the next start it is
	// asked of peers again.
	ErrBehind = errors.New("too many headers wait for the disk")
	// ErrReadOnly says that the store was opened to be read.
	ErrReadOnly = errors.New("opened to be read only")
	// ErrOrder says that the caller did not call Load first, and once.
	ErrOrder = errors.New("load comes first, and once")
)

// deletable is what an operator has to know before deleting the file.
const deletable = "this file may be deleted: the headers are then asked of peers again"
