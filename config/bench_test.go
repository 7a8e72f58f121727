package config_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
)

// One write of one attribute beside one that also takes an identity, and a link to an end that counts beside one that does not.
func BenchmarkWrites(b *testing.B) {
	bench := func(name string, prepare func(r *register) func(i int)) {
		b.Run(name, func(b *testing.B) {
			r := open(b, config.Config{})
			step := prepare(r)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				step(i)
				i++
			}
		})
	}
	bench("attribute", func(r *register) func(int) {
		id := r.server("L-1")
		return func(i int) {
			r.do(keeper, id, config.Update{Authority: under, Attributes: attrs{"place": text(fmt.Sprint(i))}})
		}
	})
	bench("identity", func(r *register) func(int) {
		id := r.item("server", attrs{"manufacturer": text("dell")})
		return func(i int) {
			r.do(keeper, id, config.Update{Authority: under, Attributes: attrs{"serial": text(fmt.Sprint("x", i))}})
		}
	})
	bench("link to a hub", func(r *register) func(int) {
		hub, id := r.live("network_device", "S-1", attrs{"model": text("M")}), r.item("client", attrs{"model": text("M")})
		return func(i int) {
			r.do(keeper, id, config.Link{Authority: under, Type: "connects_to", To: hub})
			r.do(keeper, id, config.Unlink{Authority: under, Type: "connects_to", To: hub})
		}
	})
	bench("link to a bounded end", func(r *register) func(int) {
		x, y := r.server("L-1"), r.server("L-2")
		return func(i int) {
			r.do(keeper, x, config.Link{Authority: under, Type: "fails_over_to", To: y})
			r.do(keeper, x, config.Unlink{Authority: under, Type: "fails_over_to", To: y})
		}
	})
}

// A long history is read in one pass.
func BenchmarkHistory(b *testing.B) {
	r := open(b, config.Config{})
	id := r.server("L-1")
	for i := range 1000 {
		r.pass(time.Minute)
		r.do(keeper, id, config.Update{Authority: under, Attributes: attrs{"place": text(fmt.Sprint(i))}})
	}
	h, err := r.History(keeper, id)
	if err != nil {
		b.Fatal(err)
	}
	at := r.clock.Add(-500 * time.Minute)
	b.ReportAllocs()
	for b.Loop() {
		if was, ok := h.At(at, itsm.Instant(r.clock)); !ok || was.Values["place"].IsZero() {
			b.Fatal(was)
		}
	}
}
