package link

// Known reports whether the policy has a row for the command.
func (c Command) Known() bool {
	_, known := policy[c]
	return known
}
