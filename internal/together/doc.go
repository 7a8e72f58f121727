// Package together tries all processes over one store: that tenants do not know of each other, that nobody gets further than
// the roles allow, and that no input, however hostile, breaks anything. It has tests only.
package together
