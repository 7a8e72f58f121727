package itsm

import "strings"

// maskSecret is the class of secrets inside the scanner; [MaskInfrastructure] includes it.
const maskSecret MaskClass = 1 << 7

// A secretSpan is a secret in a text, and which sort it is.
type secretSpan struct {
	start, end int
	what       string
}

// secret takes down a secret and returns where it ends.
func (s *scanner) secret(f secretSpan) int {
	if s.what == "" {
		s.what = f.what
	}
	return s.add(f.start, f.end, MaskedSecret, false)
}

// A secretLabel is a word before a secret.
type secretLabel struct{ text, what string }

// secretLabels are by first letter, the longer before the shorter. Chinese ones stand with the other labels.
var secretLabels = func() (t [128][]secretLabel) {
	for _, l := range [...]secretLabel{
		{"password", "password"}, {"passphrase", "password"}, {"passwd", "password"}, {"pass", "password"}, {"pwd", "password"},
		{"secret_access_key", "key"}, {"secretaccesskey", "key"}, {"secret_key", "key"}, {"secretkey", "key"}, {"secret", "key"},
		{"access_key", "key"}, {"accesskey", "key"}, {"access_token", "token"}, {"api_key", "key"}, {"apikey", "key"}, {"api-key", "key"},
		{"auth_token", "token"}, {"client_secret", "key"}, {"private_key", "key"}, {"refresh_token", "token"}, {"token", "token"},
	} {
		t[l.text[0]] = append(t[l.text[0]], l)
		t[l.text[0]-0x20] = t[l.text[0]]
	}
	return t
}()

// A tokenForm is the form of a key that a well-known system gives out.
type tokenForm struct {
	prefix string
	least  int // characters behind the prefix
	what   string
}

var tokenForms = func() (t [256][]tokenForm) {
	for _, f := range [...]tokenForm{
		{"AKIA", 16, "AWS access key"}, {"ASIA", 16, "AWS access key"}, {"LTAI", 12, "Aliyun access key"}, {"AKID", 13, "Tencent access key"},
		{"ghp_", 30, "GitHub token"}, {"gho_", 30, "GitHub token"}, {"ghs_", 30, "GitHub token"}, {"github_pat_", 22, "GitHub token"},
		{"glpat-", 20, "GitLab token"}, {"xoxb-", 20, "Slack token"}, {"xoxp-", 20, "Slack token"}, {"AIza", 35, "Google key"}, {"sk-", 32, "key"},
	} {
		t[f.prefix[0]] = append(t[f.prefix[0]], f)
	}
	return t
}()

// The small letters that labels of secrets and tokens begin with. Others have capitals, which are looked at anyway.
var (
	secretWords = []string{"password", "passphrase", "passwd", "pass", "pwd", "secret", "secretaccesskey", "secretkey", "access", "accesskey", "api", "apikey",
		"auth", "client", "private", "refresh", "token"}
	tokenWords = []string{"ghp", "gho", "ghs", "github", "glpat", "xoxb", "xoxp", "sk", "bearer", "basic"}
)

// secretSorts are the sorts of Chinese labels.
var secretSorts = map[string]string{"密码": "password", "口令": "password", "密钥": "key", "秘钥": "key", "私钥": "key", "令牌": "token"}

// secretStarts are the letters that a secret or its label can begin with.
var secretStarts = func() (t [256]bool) {
	for c := range secretLabels {
		t[c] = secretLabels[c] != nil || tokenForms[c] != nil
	}
	t['b'], t['B'], t['e'] = true, true, true // bearer, basic, JSON web tokens
	return t
}()

// secretWord looks for secrets at a word of letters and, where it has capitals, at the words inside: dbPassword. It
// returns where the secret ends, or i.
func (s *scanner) secretWord(i, end int, capitals bool) int {
	if secretStarts[s.t[i]] {
		if f, ok := secretAtWord(s.t, i); ok {
			return s.secret(f)
		}
	}
	for k := i + 1; capitals && k < end; k++ {
		if s.t[k] < 'a' && s.t[k-1] >= 'a' {
			if f, ok := secretAtWord(s.t, k); ok {
				return s.secret(f)
			}
		}
	}
	return i
}

// secretAtWord looks for a secret that the letters at i begin or announce.
func secretAtWord(t string, i int) (secretSpan, bool) {
	c, before := t[i], byteAt(t, i-1)
	if !isAlnum(before) && strings.IndexByte("-_.", before) < 0 {
		if f, ok := token(t, i); ok {
			return f, true
		}
	}
	for _, l := range secretLabels[c] {
		end := i + len(l.text)
		if end > len(t) || lower(t[i+1]) != l.text[1] || !equalFold(t[i:end], l.text) || isLetter(byteAt(t, end)) {
			continue
		}
		if start, end := secretValue(t, end); end > start {
			return secretSpan{start, end, l.what}, true
		}
	}
	return secretSpan{}, false
}

// token finds keys by their form: those of well-known systems, bearer tokens and JSON web tokens.
func token(t string, i int) (secretSpan, bool) {
	run := func(at int, marks string) int {
		for at < len(t) && (isAlnum(t[at]) || strings.IndexByte(marks, t[at]) >= 0) {
			at++
		}
		return at
	}
	for _, f := range tokenForms[t[i]] {
		if strings.HasPrefix(t[i:], f.prefix) {
			if end := run(i, "_-"); end-i >= len(f.prefix)+f.least && varied(t[i+len(f.prefix):end]) {
				return secretSpan{i, end, f.what}, true
			}
		}
	}
	if strings.HasPrefix(t[i:], "eyJ") {
		if end := run(i, "_-."); strings.Count(t[i:end], ".") == 2 && end-i > 30 {
			return secretSpan{i, end, "token"}, true
		}
	}
	if c := t[i] | 0x20; c != 'b' {
		return secretSpan{}, false
	}
	for _, scheme := range [...]string{"bearer ", "basic "} {
		at := i + len(scheme)
		if at < len(t) && equalFold(t[i:at], scheme) {
			end := run(at, "_-.=+/~")
			if end-at >= 16 && varied(t[at:end]) && strings.ContainsAny(t[at:end], "0123456789=") {
				return secretSpan{at, end, strings.TrimSpace(scheme) + " token"}, true
			}
		}
	}
	return secretSpan{}, false
}

// varied reports whether s is not one character over and over, as in XXXXXXXX.
func varied(s string) bool { return s != "" && strings.Trim(s, s[:1]) != "" }

// privateKey returns the end of a PEM block of a private key at i, or i.
func privateKey(t string, i int) int {
	const begin, mark, most = "-----BEGIN ", "PRIVATE KEY", 40
	if !strings.HasPrefix(t[i:], begin) {
		return i
	}
	head := t[i+len(begin) : min(i+len(begin)+most, len(t))]
	at := strings.Index(head, mark)
	if at < 0 {
		return i
	}
	body := i + len(begin) + at + len(mark)
	if end := strings.Index(t[body:], "-----END"); end >= 0 {
		end += body + len("-----END")
		if last := strings.Index(t[end:min(end+most, len(t))], "-----"); last >= 0 {
			end += last + 5
		}
		return end
	}
	return len(t) // cut off
}

// urlPassword returns the password of user:password@host behind "://".
func urlPassword(t string, i int) (start, end int) {
	const most = 256
	limit := min(i+most, len(t))
	for end = i; end < limit && t[end] > ' ' && t[end] != '@' && t[end] != '/'; end++ {
		if t[end] == ':' && start == 0 {
			start = end + 1
		}
	}
	if start == 0 || end >= limit || t[end] != '@' || placeholder(t[start:end]) {
		return 0, 0
	}
	return start, end
}

// secretLinks are what may stand between a Chinese label and the value, beside a colon.
var secretLinks = [...]string{"重置为", "统一为", "设置为", "修改为", "变更为", "恢复为", "默认为", "改成", "改为", "设为", "就是", "默认", "是", "为"}

// secretValue returns the value behind a label that ends at i, when it is a secret.
func secretValue(t string, i int) (start, end int) {
	at, told := i, false
	for at < len(t) && strings.IndexByte(` "'])`, t[at]) >= 0 {
		at++
	}
	for _, link := range secretLinks {
		if strings.HasPrefix(t[at:], link) {
			at, told = at+len(link), true
			break
		}
	}
	if strings.HasPrefix(t[at:], "is ") {
		at, told = at+3, true
	}
	for at < len(t) {
		if strings.HasPrefix(t[at:], "：") {
			at, told = at+len("："), true
			continue
		}
		if c := t[at]; c == ':' || c == '=' {
			told = true
		} else if c != ' ' && c != '\t' && c != '"' && c != '\'' {
			break
		}
		at++
	}
	// What is no secret in any case is left before its end is looked for: long texts stay cheap.
	if !told && isAlnum(t[i-1]) || referred(t[at:]) {
		return 0, 0
	}
	start, end = at, at
	for end < len(t) && t[end] > ' ' && t[end] < 0x7F && strings.IndexByte(`"',;<>`, t[end]) < 0 {
		end++
	}
	for end > start && strings.IndexByte(".)]}!?", t[end-1]) >= 0 && !strings.ContainsAny(t[start:end-1], "([{") {
		end--
	}
	v := t[start:end]
	switch {
	case len(v) < 3 || placeholder(v) || byteAt(t, start) == '<' || byteAt(t, start-1) == '<':
	case strings.Trim(v, "0123456789-~") == "" && counted(t[end:]): // 6-12位
	case !told && (len(v) < 6 || !strings.ContainsAny(v, "0123456789")):
	default:
		return start, end
	}
	return 0, 0
}

// notSecrets are values that say where the secret is, or that there is none.
const notSecrets = " none null nil n/a na empty unknown changed reset expired expires required optional redacted hidden masked removed omitted true false yes no see " +
	"ask wrong incorrect invalid valid missing forgotten lost locked policy please not must should will the and same default string text here below above todo tbd "

// blots are what masking leaves of a secret: see maskRune.
const blots = "*×＊\U0001F7B6"

// placeholder reports whether a value stands for a secret without being one.
func placeholder(v string) bool {
	if strings.Trim(v, blots) == "" || !varied(v) && strings.IndexByte("xX.-#?_", v[0]) >= 0 {
		return true
	}
	return referred(v) || len(v) < 20 && listedWord(notSecrets, lowerASCII(v))
}

// referred reports whether a value begins like a variable or a reference.
func referred(v string) bool {
	low := lowerASCII(v[:min(10, len(v))])
	for _, head := range [...]string{"$", "{{", "<", "%", "***", "vault:", "ref:", "secret:", "secrets:", "kms:", "op:", "env:", "file:", "keepass:", "cyberark:"} {
		if strings.HasPrefix(low, head) {
			return true
		}
	}
	return false
}
