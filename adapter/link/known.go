package link

import "slices"

// Known reports whether the policy has a row for the command.
func (c Command) Known() bool {
	_, known := policy[c]
	return known
}

// Commands returns the names of all commands that the policy has a row for, sorted.
func Commands() []string {
	names := make([]string, 0, len(policy))
	for command := range policy {
		names = append(names, command.String())
	}
	slices.Sort(names)
	return names
}
