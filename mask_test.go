package itsm_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
)

// All persons and numbers here are invented. Identity cards have the area 000000, which is nowhere, or are the sample of
// GB 11643; bank cards are test numbers of the card schemes.

const scope = "h1/incident/INC-20260214-0007"

func masker(t testing.TB, cfg itsm.MaskConfig) *itsm.Masker {
	t.Helper()
	m, err := itsm.NewMasker(cfg)
	require.NoError(t, err)
	return m
}

// A sample is a text in which the values to be found stand between « and ».
func sample(marked string) (text string, values []string) {
	rest := marked
	for {
		before, after, ok := strings.Cut(rest, "«")
		text += before
		if !ok {
			return text, values
		}
		value, tail, _ := strings.Cut(after, "»")
		text += value
		values = append(values, value)
		rest = tail
	}
}

// checkSamples asserts that exactly the marked values are found, and as what.
func checkSamples(t *testing.T, m *itsm.Masker, kind itsm.MaskKind, samples ...string) {
	t.Helper()
	for _, marked := range samples {
		text, values := sample(marked)
		var got []string
		for _, f := range m.Found(text) {
			got = append(got, text[f.Start:f.End])
			assert.Equal(t, kind, f.Kind, text)
		}
		assert.Equal(t, values, got, text)
		masked := m.Text(text, scope, itsm.MaskAll)
		for _, v := range values {
			assert.NotContains(t, masked, v)
		}
		if values == nil {
			assert.Equal(t, text, masked)
		}
	}
}

func idCard(area, birth, seq string) string {
	sum := 0
	for i, w := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += w * int((area + birth + seq)[i]-'0')
	}
	return area + birth + seq + string("10X98765432"[sum%11])
}

func TestMaskSamples(t *testing.T) {
	t.Parallel()
	m := masker(t, itsm.MaskConfig{
		RecordNumber: []string{`\bZY\d{8}\b`, `影像(\d{6})`},
		Insurance:    []string{`\b45[A-Z]\d{9}\b`},
		NameLabels:   []string{"陪护", "Angehöriger"},
		RecordLabels: []string{"体检号", "PID"}, InsuranceLabels: []string{"参保卡"},
	})
	t.Run("S-128 identity card of 18 characters", func(t *testing.T) {
		t.Parallel()
		valid := idCard("000000", "19900101", "001")
		wrong := valid[:17] + string('0'+('9'-valid[17]+1)%10)
		checkSamples(t, m, itsm.MaskedIDCard,
			"患者«11010519491231002X»挂号失败", "证件«11010519491231002x»,", "«"+valid+"»", "«110105 19491231 002X»", "«110105-19491231-002X»",
			"«１１０１０５１９４９１２３１００２Ｘ»", "id«11010519491231002X»", "身份证号:«"+valid+"»", "两张«"+valid+"»和«"+idCard("000000", "20000229", "012")+"»",
			"身份证号:«110105194912310021»", // a slip of the pen behind the label
			"单号110105194912310021", "单号11010519491231002", "单号1101051949123100212X", "SN11010519491231002X", "编号"+wrong,
			"编号"+idCard("000000", "20230229", "001"), "编号"+idCard("000000", "19901301", "001"), "编号"+idCard("000000", "18901201", "001"),
			"金额11010519491231002.50")
	})
	t.Run("S-128 identity card of 15 digits", func(t *testing.T) {
		t.Parallel()
		checkSamples(t, m, itsm.MaskedIDCard, "旧证«110105491231002»无法识别", "«110105 491231 002»",
			"编号110105491331002", "编号000000491231002", "时间202602140830000", "编号1.110105491231002", "110105.491231002")
	})
	t.Run("S-128 mobile number", func(t *testing.T) {
		t.Parallel()
		checkSamples(t, m, itsm.MaskedMobile,
			"回电«13800000000»", "«138 0000 0000»", "«138-0000-0000»", "«138.0000.0000»", "«+86 138 0000 0000»", "«+86-13800000000»", "«8613800000000»", "«0086 13800000000»",
			"«１３８００００００００»", "«138–0000–0000»", "tel«19900000000»", "照片_«13800000000».jpg", "扫描-2026-«13800000000»-2.jpg", "«13800000000»或«13900000000»", "«138\u00a00000\u00a00000»",
			"12800000000", "1380000000", "138000000000", "SN13800000000", "13800000000a", "13800000000.50", "1500 2000 300", "2026-138-0000-0000")
	})
	t.Run("S-128 fixed line", func(t *testing.T) {
		t.Parallel()
		checkSamples(t, m, itsm.MaskedPhone,
			"«0771-5550000»", "«010-65550000»", "«01065550000»", "«0771 5550000»", "(«010)65550000»", "（«0771）5550000»", "«0771-5550000-8003»", "«+86 771 5550000»", "«+86-10-6555-0000»",
			"联系电话:«5550000»", "电话：«6555-0000»",
			"分机8003", "0214-12345678", "2026-0771-5550000", "5550000", "电话 5550000", "电话:20260214", "INC-20260214-0007", "400-820-0000")
	})
	t.Run("S-128 name in labelled fields", func(t *testing.T) {
		t.Parallel()
		checkSamples(t, m, itsm.MaskedName,
			"姓名:«张三»", "姓名：«欧阳娜娜»，女", "患者«李四»无法缴费", "病人:«欧阳娜娜»", "患者姓名：«王小明» 性别：男", "姓名】«张三»", "姓名\t«张三»\t男", `{"name": "«张三»"}`,
			"姓名:«张三»女32岁", "病人«司马相»来电", "患者（«李四»）", "患者叫«王小五»", "家属«赵六»陪同", "陪护«钱七»", "Angehöriger: «Anna Muster»", "姓名:«买买提·吐尔逊»", "患者«阿卜杜拉·买买提»来诊", "姓名:«𠮷田»", "姓名:«缪缈»",
			"patient: «Zhang San» called", "name: «John Smith»", "Patient Name: «O'Neil»", "患者«张三»、«李四»和«王小五»都反映",
			"患者«张三»的卡读不出,让«张三»重试", "姓 名 张三",
			"患者信息无法显示", "患者周一来复诊", "患者严重不满", "患者高血压", "患者王先生", "家属要求", "病人多", "姓名: 未知", "姓名:无法显示", "患者", "患者王", "姓名字段为空",
			"file name: Main Server", "hostname: db1", "name: postgres", "name: HP LaserJet", "name", "patients: 12")
	})
	t.Run("S-128 medical record number by host pattern and label", func(t *testing.T) {
		t.Parallel()
		checkSamples(t, m, itsm.MaskedRecord,
			"调阅«ZY00001234»失败", "影像«123456»打不开", "住院号:«0012345»", "病案号 «BA-0012345»", "门诊号为«20260001»", "MRN: «A00123»", "MRN«0012345»", "患者ID：«P1234»", "体检号«00771»", "PID=«00771»",
			"住院号«001234»、«001235»,页面空白", "住院号«001234»查询慢,«001234»已重建",
			"AZY00001234", "ZY0000123", "影像12345", "住院号2026年起改为8位", "住院号查询", "病历号规则", "门诊号:无", "登记号:**")
	})
	t.Run("S-128 insurance number", func(t *testing.T) {
		t.Parallel()
		checkSamples(t, m, itsm.MaskedInsurance, "医保号 «A00000001»", "社保卡号：«0000012345»", "参保卡«99001»", "读卡«45A000000001»失败", "insurance no: «0000012345»",
			"医保接口超时30秒", "医保卡读不出", "45A00000001")
	})
	t.Run("S-128 bank card", func(t *testing.T) {
		t.Parallel()
		checkSamples(t, m, itsm.MaskedBankCard, "退到«6222021234567890128»", "«4111 1111 1111 1111»", "«4111-1111-1111-1111»", "«378282246310005»", "«5555555555554444»", "银行卡号:«6222021234567890127»",
			"流水6222021234567890127", "流水4111111111111112", "时间20260214083000", "20260214083000123", "1111111111111117", "IMEI 490154203237518", "411111111111111111111")
	})
	t.Run("S-128 two kinds in one text", func(t *testing.T) {
		t.Parallel()
		text := "患者张三,身份证11010519491231002X,电话138 0000 0000,住院号0012345"
		var kinds []itsm.MaskKind
		for _, f := range m.Found(text) {
			kinds = append(kinds, f.Kind)
			assert.Equal(t, itsm.MaskPatient, f.Class)
		}
		assert.Equal(t, []itsm.MaskKind{itsm.MaskedName, itsm.MaskedIDCard, itsm.MaskedMobile, itsm.MaskedRecord}, kinds)
	})
}

func TestMaskInfrastructure(t *testing.T) {
	t.Parallel()
	m := masker(t, itsm.MaskConfig{HostSuffixes: []string{"Hospital.example"}})
	t.Run("R-073 raw addresses, host names and references to credentials", func(t *testing.T) {
		t.Parallel()
		checkSamples(t, m, itsm.MaskedIP, "ping «10.1.2.3»不通", "«10.1.2.3:8080»", "http://«192.0.2.1»/his", "«fe80::1%eth0»", "«2001:db8:0:0:0:0:0:1»", "[«2001:db8::1]:443»", "«::1»", "«::ffff:10.1.2.3»", "«１０．１．２．３»",
			"1.2.3", "版本 11.2.0.4", "Oracle 11.2.0.4", "v10.2.0.1", "10.1.2.256", "10.1.2.3.4", "12:30:45", "std::string", "a::b", "2026-02-14 08:30:00", "1:2:3:4:5:6:7:8:9")
		checkSamples(t, m, itsm.MaskedSubnet, "网段«10.1.0.0/16»", "«10.1.2.x»", "«10.1.2.*»", "«2001:db8::/32»")
		checkSamples(t, m, itsm.MaskedMAC, "«aa:bb:cc:00:11:22»", "«AA-BB-CC-00-11-22»", "«aabb.cc00.1122»", "MAC地址:«AABBCC001122»", "AABBCC001122", "aa:bb:cc:00:11", "aa:bb:cc:00:11:22:33")
		checkSamples(t, m, itsm.MaskedHost, "登录«his-db01.hospital.local»", "http://«emr.lan:8080»/login", "«pacs.HOSPITAL.example»", "www.example.com", "report.pdf", "a.b")
		checkSamples(t, m, itsm.MaskedCredential, "见 «vault://his/db#password»", "https://example.com")
	})
	t.Run("R-073 a secret that slipped in is masked without a pseudonym", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, "密码:******,请改", m.Text("密码:Ab3!xy,请改", scope, itsm.MaskInfrastructure))
	})
	t.Run("R-073 R-075 classes are masked apart", func(t *testing.T) {
		t.Parallel()
		text := "患者张三在10.1.2.3上"
		assert.Contains(t, m.Text(text, scope, itsm.MaskPatient), "10.1.2.3")
		assert.NotContains(t, m.Text(text, scope, itsm.MaskPatient), "张三")
		assert.Contains(t, m.Text(text, scope, itsm.MaskInfrastructure), "张三")
		assert.NotContains(t, m.Text(text, scope, itsm.MaskInfrastructure), "10.1.2.3")
		assert.Equal(t, text, m.Text(text, scope, 0))
	})
	t.Run("host and port share the pseudonym of the host", func(t *testing.T) {
		t.Parallel()
		tail := func(s string) string {
			return regexp.MustCompile(`[^G-Zg-z]`).ReplaceAllString(m.Text(s, scope, itsm.MaskAll), "")
		}
		assert.Equal(t, tail("emr01.lan"), tail("emr01.lan:8080"))
		assert.NotEqual(t, m.Text("1.12.13.14", scope, itsm.MaskAll), m.Text("11.2.13.14", scope, itsm.MaskAll))
	})
	t.Run("IPv6 agrees with net/netip", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			s := rapid.StringMatching(`[0-9a-f]{1,4}(::?[0-9a-f]{1,4}){1,8}(::)?`).Draw(t, "s")
			if a, err := netip.ParseAddr(s); err == nil && a.Is6() && strings.ContainsAny(s, "0123456789") {
				assert.Equal(t, []itsm.Finding{{Class: itsm.MaskInfrastructure, Kind: itsm.MaskedIP, End: len(s)}}, m.Found(s), s)
			} else if err != nil {
				for _, f := range m.Found(s) {
					assert.NotEqual(t, itsm.MaskedIP, f.Kind, s)
				}
			}
		})
	})
}

func TestMaskShape(t *testing.T) {
	t.Parallel()
	m := masker(t, itsm.MaskConfig{})
	t.Run("R-075 length class", func(t *testing.T) {
		t.Parallel()
		for text, want := range map[string]string{
			"患者张三":               `^患者[Ｇ-Ｚｇ-ｚ]{2}$`,
			"患者王小明":              `^患者＊[Ｇ-Ｚｇ-ｚ]{2}$`,
			"姓名:欧阳娜娜":            `^姓名:＊[Ｇ-Ｚｇ-ｚ]{3}$`,
			"11010519491231002X": `^\*{14}[G-Zg-z]{4}$`,
			"+86 138-0000-0000":  `^\+\*\* \*{3}-\*{4}-[G-Zg-z]{4}$`,
			"１３８００００００００":        `^＊{7}[Ｇ-Ｚｇ-ｚ]{4}$`,
			"10.1.2.3:8080":      `^\*\*\.\*\.\*\.\*:[G-Zg-z]{4}$`,
			"patient: Zhang San": `^patient: \*{4}[G-Zg-z] [G-Zg-z]{3}$`,
		} {
			got := m.Text(text, scope, itsm.MaskAll)
			assert.Regexp(t, regexp.MustCompile(want), got)
			assert.Equal(t, utf8.RuneCountInString(text), utf8.RuneCountInString(got), text)
			assert.Len(t, got, len(text), text)
		}
	})
	t.Run("R-075 stable pseudonym within one record", func(t *testing.T) {
		t.Parallel()
		tail := func(s, scope string) string {
			s = m.Text(s, scope, itsm.MaskAll)
			return s[len(s)-4:]
		}
		first := tail("13800000000", scope)
		for _, same := range []string{"138-0000-0000", "+86 138 0000 0000", "回电 138 0000 0000", "8613800000000"} {
			got := m.Text(same, scope, itsm.MaskAll)
			letters := strings.NewReplacer("*", "", "-", "", " ", "", "+", "", "回电", "").Replace(got)
			assert.Equal(t, first, letters, same)
		}
		assert.Equal(t, m.Text("13800000000", scope, itsm.MaskAll), m.Text("13800000000", scope, itsm.MaskAll))
		assert.NotEqual(t, first, tail("13800000001", scope), "two patients of one record")
		assert.NotEqual(t, first, tail("13800000000", "h1/incident/INC-20260214-0008"), "one patient in two records")
		assert.NotEqual(t, m.Text("患者张三", scope, itsm.MaskAll), m.Text("患者李四", scope, itsm.MaskAll))
	})
	t.Run("R-075 the host's key changes every pseudonym", func(t *testing.T) {
		t.Parallel()
		keyed := masker(t, itsm.MaskConfig{Key: []byte("k1")})
		assert.NotEqual(t, m.Text("13800000000", scope, itsm.MaskAll), keyed.Text("13800000000", scope, itsm.MaskAll))
	})
	t.Run("R-075 what one text of a record gives away is masked in all of them", func(t *testing.T) {
		t.Parallel()
		r := m.Redact(scope, itsm.MaskPatient)
		r.Learn("患者王小明,住院号0012345")
		got := r.Text("王小明的床头卡(0012345)打印不出;设备00123456正常")
		assert.NotContains(t, got, "王小明")
		assert.NotContains(t, got, "(0012345)")
		assert.Contains(t, got, "设备00123456正常")
		assert.Contains(t, r.Text("患者王小明"), got[:len("王小明")], "the same pseudonym")
	})
	t.Run("clean text is returned as it is", func(t *testing.T) {
		t.Parallel()
		for _, s := range []string{"", "收费窗口打印机不出纸", "printer 3 on floor 2", "完成率 98.5%，共 1,234 条", "\xff\xfe", "🖨️ 打不开"} {
			assert.Equal(t, s, m.Text(s, scope, itsm.MaskAll))
		}
	})
	t.Run("many goroutines share one masker", func(t *testing.T) {
		t.Parallel()
		want := m.Text(dirtyText, scope, itsm.MaskAll)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 20 {
					assert.Equal(t, want, m.Text(dirtyText, scope, itsm.MaskAll))
				}
			})
		}
		wg.Wait()
	})
}

func TestMaskAllocations(t *testing.T) { // not parallel: it counts
	m := masker(t, itsm.MaskConfig{})
	assert.Zero(t, testing.AllocsPerRun(10, func() { m.Text(cleanText, scope, itsm.MaskAll) }))
}

func TestMaskerConfig(t *testing.T) {
	t.Parallel()
	t.Run("R-075 every fault of a configuration is named", func(t *testing.T) {
		t.Parallel()
		_, err := itsm.NewMasker(itsm.MaskConfig{
			RecordNumber:    []string{`ZY(\d{8}`, strings.Repeat("a", 201), `\d*`},
			Insurance:       slices.Repeat([]string{"x"}, 33),
			NameLabels:      []string{"", " 患者", strings.Repeat("长", 14), ":姓名"},
			InsuranceLabels: slices.Repeat([]string{"医保"}, 65),
		})
		require.ErrorIs(t, err, itsm.ErrInvalid)
		for _, want := range []string{"RecordNumber[0]", "missing closing", "RecordNumber[1]", "201 bytes, at most 200", "RecordNumber[2]", "empty text", "Insurance has 33 patterns",
			"NameLabels[0]", "NameLabels[1]", "blank", "NameLabels[2]", "42 bytes", "NameLabels[3]", "must begin with", "InsuranceLabels has 65 entries"} {
			assert.ErrorContains(t, err, want)
		}
	})
	t.Run("the configuration can change behind the masker", func(t *testing.T) {
		t.Parallel()
		cfg := itsm.MaskConfig{NameLabels: []string{"访客"}, Key: []byte("key")}
		m := masker(t, cfg)
		before := m.Text("访客张三", scope, itsm.MaskAll)
		cfg.NameLabels[0], cfg.Key[0] = "来宾", 'x'
		assert.Equal(t, before, m.Text("访客张三", scope, itsm.MaskAll))
	})
}

func TestSecret(t *testing.T) {
	t.Parallel()
	m := masker(t, itsm.MaskConfig{})
	t.Run("R-073 secrets are recognised", func(t *testing.T) {
		t.Parallel()
		for text, want := range map[string]string{
			"密码:abc123": "password", "登录密码：Abc@12345": "password", "密码是abc123": "password", "初始密码统一为888888": "password", "密码abc123456": "password", "管理员口令 P@ssw0rd": "password",
			"password=hunter2": "password", "Password: letmein": "password", "DB_PASSWORD=s3cr3t!": "password", "dbPassword=s3cr3t": "password", "pwd:123": "password", "password is hunter2": "password",
			`{"password": "hunter2"}`: "password", "Server=db;User Id=sa;Password=Sa12345;": "password",
			"api_key=0123456789abcdef": "key", "client_secret: zzTop99": "key", "token=abcdef012345": "token", "令牌：abcdef012345": "token",
			"Authorization: Bearer abcdef0123456789xyz": "bearer token", "Authorization: Basic YWRtaW46YWRtaW4xMjM=": "basic token",
			"AKIAIOSFODNN7EXAMPLE": "AWS access key", "jdbc:oracle://scott:tiger@db1:1521/his": "connection string", "redis://:s3cr3t@cache": "connection string",
			"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----": "private key", "-----BEGIN PRIVATE KEY-----\nMIIE": "private key",
			"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlc2ln": "token",
		} {
			kind, ok := m.Secret(text)
			assert.True(t, ok, text)
			assert.Equal(t, want, kind, text)
		}
	})
	t.Run("R-073 references and placeholders are no secrets", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{
			"密码:见保险柜", "密码：已重置", "密码错误3次", "密码长度:6-12位", "密码8位以上", "密码:90天过期", "忘记密码", "密码: ******", "密码：xxxxxx", "password: ***", "password:", "password=${DB_PASSWORD}",
			"password: <your password>", "password=vault:his/db", "password policy: 8 chars", "reset the password, please", "token: expired", "password: none", "passport: E0000000", "tokens: 12345",
			"https://example.com/a@b", "ftp://user@host", "db://sa:***@db1/x", "AKIA", "bearer of the form", "-----BEGIN CERTIFICATE-----", "eyJ", "compass 123456", "", "密", "密码",
		} {
			kind, ok := m.Secret(text)
			assert.False(t, ok, "%s: %s", text, kind)
		}
	})
}

// texts generates texts that are made of values, near misses, labels, separators and rubbish.
func texts() *rapid.Generator[string] {
	digits := rapid.StringMatching(`[0-9]{1,19}`)
	part := rapid.OneOf(
		rapid.SampledFrom([]string{"患者", "姓名:", "姓名：", "name: ", "patient: ", "住院号", "住院号:", "医保号", "身份证号:", "电话:", "MAC:", "密码:", "password=", "、", "和", "版本", "tel", "id",
			"张三", "李四", "欧阳娜娜", "王小明", "买买提·吐尔逊", "Zhang San", "𠮷", "男", "的打印机", "来电", "ＫＱ", "＊ＫＱ", "*KqT", "**", "*",
			"11010519491231002X", "110105491231002", "13800000000", "138 0000 0000", "0771-5550000", "(010)65550000", "6222021234567890128", "+86", "86",
			"10.1.2.3", "10.1.0.0/16", "::1", "fe80::1", "aa:bb:cc:00:11:22", "db.lan", "vault://a/b", "eyJ", "AKIAIOSFODNN7EXAMPLE", "://u:pw@h", "-----BEGIN PRIVATE KEY-----",
			" ", "-", ".", ":", "/", ",", "，", "_", "\n", "\t", "(", "）", "　", "–", "\u200b", "\u00a0", "\xff", "\xe5", "１", "Ｘ", "é", "@", "=", "\""}),
		digits, digits,
		rapid.StringMatching(`[0-9A-Fa-fxX]{1,5}`),
		rapid.StringMatching(`[A-Za-z]{1,4}`),
		rapid.StringOfN(rapid.RuneFrom([]rune("张李王司马欧阳某男女的在小明和了说")), 1, 5, -1),
	)
	return rapid.Map(rapid.SliceOfN(part, 0, 12), func(ps []string) string { return strings.Join(ps, "") })
}

// checkMasking asserts the laws of masking for one text.
func checkMasking(t require.TestingT, m *itsm.Masker, s string, class itsm.MaskClass) {
	masked := m.Text(s, scope, class)
	require.Equal(t, masked, m.Text(masked, scope, class), "masking twice is masking once: %q", s)
	require.Equal(t, masked, m.Text(s, scope, class), "masking depends on the text, the scope and the class only: %q", s)
	require.Len(t, masked, len(s), "no byte is added or lost: %q", s)
	require.Equal(t, utf8.RuneCountInString(s), utf8.RuneCountInString(masked), "no character is added or lost: %q", s)
	require.True(t, utf8.ValidString(masked) || !utf8.ValidString(s), "%q", s)
	if class != itsm.MaskAll {
		return
	}
	end, seen := 0, 0
	for _, f := range m.Found(s) {
		require.True(t, f.Start >= end && f.Start < f.End && f.End <= len(s), "findings are in order and apart: %q %v", s, f)
		require.Equal(t, s[end:f.Start], masked[end:f.Start], "what is not found is not touched: %q", s)
		value := s[f.Start:f.End]
		require.NotEqual(t, value, masked[f.Start:f.End], "what is found is masked: %q", s)
		for i, c := range value {
			if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
				require.Truef(t, masked[f.Start+i] == '*' || strings.IndexByte("GHJKLMNPQRSTUVWZghjkmnpqrstuvwyz", masked[f.Start+i]) >= 0, "%q", s)
			}
		}
		end, seen = f.End, seen+1
	}
	require.Equal(t, s[end:], masked[end:], "what is not found is not touched: %q", s)
	require.Empty(t, m.Found(masked), "nothing is left to be found: %q %q", s, masked)
	require.Equal(t, seen > 0, masked != s, "%q", s)
}

func TestMaskLaws(t *testing.T) {
	t.Parallel()
	m := masker(t, itsm.MaskConfig{RecordNumber: []string{`\bZY\d{8}\b`, `[0-9A-Z]{5,9}号`}})
	t.Run("R-075 masking is idempotent, keeps the rest and leaves nothing to be found", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			class := rapid.SampledFrom([]itsm.MaskClass{itsm.MaskPatient, itsm.MaskInfrastructure, itsm.MaskAll, itsm.MaskAll}).Draw(t, "class")
			checkMasking(t, m, texts().Draw(t, "text"), class)
		})
	})
	t.Run("R-075 a value is never in the masked text", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			birth := fmt.Sprintf("%04d%02d%02d", rapid.IntRange(1900, 2025).Draw(t, "y"), rapid.IntRange(1, 12).Draw(t, "m"), rapid.IntRange(1, 28).Draw(t, "d"))
			value := rapid.OneOf(
				rapid.Just(idCard("000000", birth, fmt.Sprintf("%03d", rapid.IntRange(0, 999).Draw(t, "seq")))),
				rapid.StringMatching(`1[3-9][0-9]{9}`),
				rapid.StringMatching(`0[3-9][0-9]{2}-[2-9][0-9]{6,7}`),
				rapid.Map(rapid.StringMatching(`[0-9]{5,10}`), func(s string) string { return "住院号" + s }),
				rapid.SampledFrom([]string{"姓名:张三", "患者李四", "病人:欧阳娜娜"}),
			).Draw(t, "value")
			raw := strings.TrimLeft(value, "住院号姓名患者病人:")
			before := rapid.SampledFrom([]string{"", "请回电", "见附件,", "(", "号 ", "：", "\n"}).Draw(t, "before")
			after := rapid.SampledFrom([]string{"", "，谢谢", ")", "。", " 无法打印", "\n"}).Draw(t, "after")
			text := before + value + after + "又:" + raw
			got := m.Text(text, scope, itsm.MaskPatient)
			require.NotContains(t, got, raw, text)
			require.True(t, strings.HasPrefix(got, before))
		})
	})
	t.Run("R-075 the pseudonym depends on value and scope alone", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			number := rapid.StringMatching(`1[3-9][0-9]{9}`).Draw(t, "number")
			scope := rapid.StringMatching(`[a-z0-9/]{0,90}`).Draw(t, "scope")
			text := rapid.StringMatching(`[一-三]{0,5}`)
			a, b := text.Draw(t, "a"), text.Draw(t, "b")
			x := m.Text(a+number, scope, itsm.MaskAll)
			y := m.Text(b+number, scope, itsm.MaskAll)
			require.Equal(t, x[len(a):], y[len(b):])
		})
	})
}

func FuzzMask(f *testing.F) {
	m := masker(f, itsm.MaskConfig{RecordNumber: []string{`\bZY\d{8}\b`}})
	for _, s := range []string{dirtyText, cleanText, "患者张三、李四", "ZY00001234", "１３８００００００００", "[fe80::1%a]:80", "\xe5138\xff", "name: Kq", "-----BEGIN PRIVATE KEY-----", "://:iܠ@"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkMasking(t, m, s, itsm.MaskAll)
		m.Secret(s)
	})
}

func ExampleMasker_Text() {
	m, err := itsm.NewMasker(itsm.MaskConfig{RecordNumber: []string{`\bZY\d{8}\b`}})
	if err != nil {
		panic(err)
	}
	text := "患者王小明(11010519491231002X)的床头卡打印不出，请让王小明重试，打印机 10.1.2.3"
	fmt.Println(m.Text(text, "h1/incident/INC-20260214-0007", itsm.MaskPatient))
	fmt.Println(m.Text(text, "h1/incident/INC-20260214-0008", itsm.MaskAll))
	// Output:
	// 患者＊ｈｕ(**************Lgvt)的床头卡打印不出，请让＊ｈｕ重试，打印机 10.1.2.3
	// 患者＊ｊＱ(**************kLPt)的床头卡打印不出，请让＊ｊＱ重试，打印机 *s.R.V.R
}
