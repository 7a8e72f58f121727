package rule_test

import (
	"testing"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"github.com/hospital-itsm/itsm/rule"
)

const typical = `priority <= 2 and state == "open" and category != "printer"`

func BenchmarkEval(b *testing.B) {
	facts := sample()
	for _, c := range []struct{ name, src string }{
		{"three comparisons", typical},
		{"times", `now - opened_at > duration("4h") and has(opened_at)`},
		{"lists", `"vip" in tags and state in ["open", "held"]`},
		{"quantifier", `any(attempts, .outcome == "fixed" and .took > duration("1h"))`},
		{"host field", `fields.ward == "icu" and fields.cost > 10`},
	} {
		p := schema.MustCompile(c.src)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if holds, err := p.Eval(facts); !holds || err != nil {
					b.Fatal(holds, err)
				}
			}
		})
	}
}

// The typical condition, evaluated by what stands beside this package.
func BenchmarkPeers(b *testing.B) {
	facts := sample()
	b.Run("rule", func(b *testing.B) {
		p := schema.MustCompile(typical)
		b.ReportAllocs()
		for b.Loop() {
			_, _ = p.Eval(facts)
		}
	})
	b.Run("closure", func(b *testing.B) {
		p := func(f *Facts) bool { return f.Priority <= 2 && f.State == "open" && f.Category != "printer" }
		b.ReportAllocs()
		for b.Loop() {
			if !p(facts) {
				b.Fatal()
			}
		}
	})
	b.Run("expr machine", func(b *testing.B) {
		type plain struct {
			Priority int    `expr:"priority"`
			State    string `expr:"state"`
			Category string `expr:"category"`
		}
		env := &plain{facts.Priority, string(facts.State), facts.Category}
		program, err := expr.Compile(typical, expr.Env(plain{}), expr.AsBool())
		if err != nil {
			b.Fatal(err)
		}
		var machine vm.VM
		b.ReportAllocs()
		for b.Loop() {
			if _, err := machine.Run(program, env); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkParallel(b *testing.B) {
	p, facts := schema.MustCompile(typical), sample()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _ = p.Eval(facts)
		}
	})
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := schema.Compile(typical); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCombined(b *testing.B) {
	facts := sample()
	p := rule.All(schema.MustCompile(typical), schema.MustCompile(`"vip" in tags`), schema.MustCompile(`risk < 1`))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = p.Eval(facts)
	}
}
