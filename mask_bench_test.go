package itsm_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hospital-itsm/itsm"
)

const (
	cleanText = "收费窗口打印机不出纸，重启后仍然无法打印；同一网段的其他打印机正常。The spooler on the desk was restarted twice, no change so far."
	dirtyText = "患者张三,身份证11010519491231002X,电话138 0000 0000,住院号0012345,打印机10.1.2.3:9100不出纸"
)

func BenchmarkMask(b *testing.B) {
	m := masker(b, itsm.MaskConfig{})
	for _, bench := range []struct{ name, text string }{
		{"clean", cleanText},
		{"clean/chinese", strings.Repeat("收费窗口打印机不出纸，重启后仍然无法打印。", 5)},
		{"clean/english", strings.Repeat("The spooler on the desk was restarted, no change. ", 5)},
		{"clean/digits", strings.Repeat("工单 INC-20260214-0007 于 2026-02-14 08:30 处理，版本 1.2.3。", 4)},
		{"found", dirtyText},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.text)))
			b.ReportAllocs()
			for b.Loop() {
				m.Text(bench.text, scope, itsm.MaskAll)
			}
		})
		b.Run(bench.name+"/patient", func(b *testing.B) {
			b.SetBytes(int64(len(bench.text)))
			b.ReportAllocs()
			for b.Loop() {
				m.Text(bench.text, scope, itsm.MaskPatient)
			}
		})
	}
	// The bare limit: looking at every character.
	b.Run("bare/clean/chinese", func(b *testing.B) {
		text := strings.Repeat("收费窗口打印机不出纸，重启后仍然无法打印。", 5)
		b.SetBytes(int64(len(text)))
		n := 0
		for b.Loop() {
			for _, c := range text {
				if c == '姓' {
					n++
				}
			}
		}
	})
	// The peer: what a host would write with the standard library, for three of the kinds.
	peer := regexp.MustCompile(`[1-9]\d{16}[\dXx]|1[3-9]\d{9}|\d{1,3}(\.\d{1,3}){3}`)
	for _, bench := range []struct{ name, text string }{{"clean", cleanText}, {"found", dirtyText}} {
		b.Run("peer/regexp/"+bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.text)))
			b.ReportAllocs()
			for b.Loop() {
				peer.ReplaceAllString(bench.text, "***")
			}
		})
	}
}
