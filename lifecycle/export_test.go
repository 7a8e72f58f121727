package lifecycle

// FireEngine fires the engine without asking the table first.
func (m *Machine[S, E]) FireEngine(s S, e E) (S, error) {
	to, err := m.engine.fire(string(s), string(e), nil)
	return S(to), err
}
