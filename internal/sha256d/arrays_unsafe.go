package sha256d

import "unsafe"

// Plain returns hashes as plain arrays: the same memory under another type, for
// the methods of [Hasher], which cannot be generic.
func Plain[H ~[Size]byte](hashes []H) [][Size]byte {
	return unsafe.Slice((*[Size]byte)(unsafe.Pointer(unsafe.SliceData(hashes))), len(hashes))
}

// Flat returns the bytes of headers, one behind the other: the same memory under
// another type, for [Hasher.Headers].
func Flat[H ~[HeaderSize]byte](headers []H) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(headers))), HeaderSize*len(headers))
}
