package headerchain

// Reserve makes room for count more headers, as one who reads them from a file
// knows them to come: what grows by and by otherwise, and is copied each time, has
// its size at once. It takes 10 bytes a header. No more is made than [MaxChainHeaders]
// need. It changes nothing else, and more headers may come.
func (c *Chain) Reserve(count int) {
	total := c.nodes.count + max(0, min(count, c.maxHeaders-c.nodes.count))
	c.index.reserve(&c.nodes, total)
	if total > cap(c.spine) {
		c.spine = append(make([]ref, 0, total), c.spine...)
	}
}
