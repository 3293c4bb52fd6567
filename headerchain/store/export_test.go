package store

import "blockgate/internal/btc"

// Numbers of the format, for tests that damage it.
const (
	LineSize   = lineSize
	RecordSize = recordSize
)

// Disk is what a store needs of a file.
type Disk = disk

// OpenDisk opens a file of a test.
func OpenDisk(d Disk, size int64, network btc.Network) (*Store, error) {
	return newStore(d, "test", size, network)
}

// SetLimits lowers MaxWaiting and MaxRecords.
func (s *Store) SetLimits(waiting, records int) { s.maxWaiting, s.maxRecords = waiting, records }
