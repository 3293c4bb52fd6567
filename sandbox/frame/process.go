package frame

// Process is a kind of process of the service.
type Process uint8

// The processes.
const (
	ProcessSupervisor Process = iota
	ProcessBroker
	ProcessAdapter
	ProcessParser
)

// Processes returns all kinds of processes, in order.
func Processes() []Process {
	return []Process{ProcessSupervisor, ProcessBroker, ProcessAdapter, ProcessParser}
}

// String returns the word for the process, or "unknown".
func (p Process) String() string {
	switch p {
	case ProcessSupervisor:
		return "supervisor"
	case ProcessBroker:
		return "broker"
	case ProcessAdapter:
		return "adapter"
	case ProcessParser:
		return "parser"
	default:
		return "unknown"
	}
}
