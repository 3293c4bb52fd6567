package sandbox

import "fmt"

// LayerNoNewPrivs is the bit by which exec gives a process no right that it did
// not have.
const LayerNoNewPrivs = "no_new_privs"

// Role says what a long-lived process of the service keeps through [ConfineRole].
// What no field names is closed. Its zero value keeps nothing but the descriptors
// that are open.
type Role struct {
	// Folders are its own: it may read, make, write and remove files and folders
	// below them, and start nothing. Each must be there.
	Folders []string
	// ReadOnly are files and folders that it may read. What is not there is left
	// out. A rule holds for the file that bears the name now, not for one that takes
	// its place; so what is replaced by a rename is allowed by its folder.
	ReadOnly []string
	// Connect are the TCP ports that it may connect to, at any address; a port that
	// stands there twice is no error. AnyPort opens all.
	Connect []uint16
	AnyPort bool
	// Listen are the TCP ports that it may listen on; 0 is a port that the kernel
	// picks.
	Listen []uint16
	// Accept lets it accept connections at sockets on which it listens already, and
	// ask whose process is at the other end. One that may listen may accept.
	Accept bool
	// Datagrams lets it look up names over UDP. No filter sees where a datagram
	// goes, so this is any address and port.
	Datagrams bool
	// AllowNoLandlock lets it go on where the kernel has no Landlock. The report
	// then says off, and why.
	AllowNoLandlock bool
}

// connects reports whether the role may connect to anything.
func (r Role) connects() bool { return r.AnyPort || len(r.Connect) > 0 }

// listens reports whether the role may listen.
func (r Role) listens() bool { return len(r.Listen) > 0 }

// FolderError says that a process could write to a folder of its own before it
// was confined and cannot afterwards: the folder belongs to another user, and only
// capabilities led there.
type FolderError struct {
	Folder string
	Err    error
}

// Error names the folder and what mends it.
func (e *FolderError) Error() string {
	return fmt.Sprintf("folder %s cannot be written without capabilities: %v; run as the user that it belongs to, or chown it", e.Folder, e.Err)
}

// Unwrap returns the error of the system.
func (e *FolderError) Unwrap() error { return e.Err }
