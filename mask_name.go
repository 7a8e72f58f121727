package itsm

import (
	"strings"
	"unicode/utf8"
)

// Names have no form of their own, so they are found behind labels only. Behind a colon nearly any two to four characters
// are a name; directly behind the label ("患者李四无法缴费") they must begin with a surname and end before a word that
// no name ends in. When in doubt one character more is hidden.

// surnames are single-character family names: those of nearly everybody.
const surnames = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖萧田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付傅方邹熊白孟秦邱" +
	"江尹侯龙段黎雷史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常汤康易乔赖文施洪辛柯庄牛樊葛邢安齐伍庞章鲁倪梅聂俞翁毕申殷耿关焦柳左岳鄢骆纪尚牟项宁盛裴霍甄祝祁凌阮路单费苗谷童" +
	"詹涂游包靳柴古符阎卜季房屈舒解闵喻娄蒲应郎宫池蓝鲍冉车仇滕冷卓隋闫饶农巫敖邬糜储丘戚卞嵇桂沙吉褚花晏窦庾宗党谌麦丛练辜肇邸班衡佟查匡冼阚阙瞿厉揭荀逯兰麻" +
	"巩荣黑楚匙闻宾占樵"

// compoundSurnames have two characters.
const compoundSurnames = " 欧阳 司马 上官 诸葛 东方 皇甫 尉迟 公孙 慕容 令狐 宇文 长孙 司徒 司空 夏侯 轩辕 端木 南宫 独孤 澹台 闻人 钟离 东郭 西门 呼延 拓跋 百里 申屠 太史 濮阳 单于 淳于 公羊 赫连 万俟 宗政 公冶 仲孙 完颜 纳兰 "

// proseWords begin with a surname and follow a label without being a name.
const proseWords = " 高血 高烧 高热 高危 高频 高峰 方便 方面 方式 方法 马上 金额 石膏 白细 白天 黄疸 任何 任意 任务 包括 包含 成功 明细 明天 余额 万一 程序 路由 路径 温度 于是 安装 安全 安排 " +
	"文件 文书 文字 关于 关联 关闭 查询 查看 查找 查房 付款 付费 费用 项目 连接 连续 管理 单据 单号 单子 应该 应当 应用 应收 全部 平台 平均 周一 周二 周三 周四 周五 周六 周日 周末 周期 周边 周围 周转 " +
	"张贴 陈述 陈旧 胡乱 何时 何种 何处 谢谢 谢绝 许多 许可 曾经 曾有 苏醒 杜绝 范围 陆续 夏天 夏季 康复 严重 严禁 施行 钱款 常见 常规 常用 易发 向前 向医 向护 解决 解除 解释 解锁 符合 符号 " +
	"古怪 花费 班次 宗教 麻醉 荣誉 游客 童年 房间 房号 舒适 季度 吉利 党员 农村 农合 章节 梅毒 史料 左侧 左手 左眼 左下 左上 江苏 江西 宁夏 云南 河南 湖南 广东 山东 "

// noNames are words that stand in the place of a name.
const noNames = " 未知 不详 不明 无名 匿名 必填 为空 空白 缺失 错误 乱码 显示 隐藏 保密 暂无 没有 同上 如下 见附 待定 待补 测试 示例 某某 名称 字段 列表 信息 " +
	"医生 医师 护士 主任 科室 病房 病区 "

// nameStops are characters that no given name goes on with.
const nameStops = "的了在说到是不未已被把让因从对向给请需想称报反告问找看做办取缴交挂住院诊病患床室电话手机身证岁出入转与及或等这那其也都就还又再才能会没无今昨上下后刚但而则号码卡账帐登录签退换" +
	"处药检查费拿打扫领付预约开核退补扣收陪同投做输注排候叫呼咨误重改修删移某"

// nameStopWords are words that no given name goes on with.
const nameStopWords = " 可以 可能 可否 来电 来院 来诊 来访 来取 先生 先后 女士 小姐 大爷 大妈 阿姨 叔叔 奶奶 爷爷 老师 医生 医师 主任 护士 主管 同志 师傅 经理 工程 信息 数据 系统 正在 正常 处方 家属 家人 家长 " +
	"性别 年龄 年纪 生日 出生 联系 要求 要做 要打 要缴 要取 有误 有问 有时 有两 有多 时间 时候 时无 姓名 地址 医保 医嘱 门诊 和家 和患 和病 和医 和护 和我 和他 和她 已经 本人 自己 提供 提出 使用 " +
	"怀疑 觉得 发现 发生 进行 进入 前来 前台 前往 的话 需要 希望 表示 抱怨 多次 两次 三次 一直 一次 点击 点开 通过 建档 建卡 结账 结算 结果 办理 完成 成功 失败 超时 名下 资料 档案 记录 影像 图像 报告 标本 "

// names masks the name at i, and further ones of a list, and returns where they end, or 0. Strong says that the writing
// itself announces a value; general that it need not be a person's.
func (s *scanner) names(i int, strong, general bool) int {
	end := s.name(i, strong, general)
	if end == i {
		return 0
	}
	s.add(i, end, MaskedName, true)
	for {
		next, ok := listed(s.t, end, "、", "和", "及", "与")
		if !ok {
			return end
		}
		last := s.name(next, false, general)
		if last == next {
			return end
		}
		end = s.add(next, last, MaskedName, true)
	}
}

func (s *scanner) name(i int, strong, general bool) int {
	if i < len(s.t) && s.t[i] < utf8.RuneSelf {
		if strong {
			return latinName(s.t, i, general)
		}
		return i
	}
	return hanName(s.t, i, strong)
}

// hanName returns the end of a Chinese name at i, or i.
func hanName(t string, i int, strong bool) int {
	var (
		c     [7]rune
		at    [8]int
		n     int
		given int // index of the given name
	)
	at[0] = i
	for n < len(c) {
		r, w := utf8.DecodeRuneInString(t[at[n]:])
		if !isHan(r) {
			break
		}
		c[n], at[n+1] = r, at[n]+w
		n++
	}
	if n < 2 {
		return i
	}
	word := func(k int) string { return t[at[k]:at[min(k+2, n)]] }
	stop := func(k int) bool {
		switch c[k] {
		case '男', '女':
			if sexWord(t[at[k+1]:]) {
				return true
			}
		case '和':
			if k+1 < n && strings.ContainsRune(surnames, c[k+1]) {
				return true // 李四和王五
			}
		}
		return strings.ContainsRune(nameStops, c[k]) || k+1 < n && listedWord(nameStopWords, word(k))
	}
	if dot := pointedName(t, i, at[n]); dot > i {
		return dot
	}
	if listedWord(noNames, word(0)) || !strong && listedWord(proseWords, word(0)) {
		return i
	}
	switch {
	case n >= 3 && listedWord(compoundSurnames, word(0)):
		given = 2
	case strings.ContainsRune(surnames, c[0]):
		given = 1
	case strong && !stop(0) && !stop(1):
		// A surname that is not on the list: the whole word, when it is as long as a name.
		k := 2
		for k < n && !stop(k) {
			k++
		}
		if k <= 4 {
			return at[k]
		}
		return i
	default:
		return i
	}
	if stop(given) && !(strong && n == given+1) {
		return i
	}
	switch k := given + 1; {
	case k == n || stop(k):
		return at[k]
	case strong && n == 4 && given == 1 && !stop(3):
		return at[4] // a double surname, or a surname and three characters
	default:
		return at[k+1]
	}
}

// sexWord reports whether a text goes on as it does behind the word 男 or 女: with an age, the end of a column or 性.
func sexWord(rest string) bool {
	rest = strings.TrimLeft(rest, " ,\t")
	for _, mark := range [...]string{"，", "、"} {
		rest = strings.TrimPrefix(rest, mark)
	}
	rest = strings.TrimLeft(rest, " ")
	if rest == "" {
		return false
	}
	if isDigit(rest[0]) {
		return true
	}
	for _, mark := range [...]string{"性", "士", "患", "病", "孩", "婴"} {
		if strings.HasPrefix(rest, mark) {
			return true
		}
	}
	return false
}

// listedWord reports whether a word stands in a list between blanks.
func listedWord(list, word string) bool {
	for from := 0; ; {
		i := strings.Index(list[from:], word)
		if i < 0 {
			return false
		}
		i += from
		if byteAt(list, i-1) == ' ' && byteAt(list, i+len(word)) == ' ' {
			return true
		}
		from = i + 1
	}
}

// pointedName returns the end of a name such as 买买提·吐尔逊, whose first part ends where the first run of Chinese
// characters from i does, or i.
func pointedName(t string, i, end int) int {
	for range 3 {
		dot, w := utf8.DecodeRuneInString(t[end:])
		if !strings.ContainsRune("·•‧・", dot) {
			break
		}
		k, last := 0, end+w
		for k < 6 {
			c, w := utf8.DecodeRuneInString(t[last:])
			if !isHan(c) || k >= 2 && (strings.ContainsRune(nameStops, c) || listedWord(nameStopWords, t[last:min(last+6, len(t))])) {
				break
			}
			last += w
			k++
		}
		if k == 0 {
			break
		}
		i, end = last, last
	}
	return i
}

// latinName returns the end of a name in Latin letters at i, or i: one to four words with a capital first and small ones
// behind it, or of capitals alone. In general, two or three are wanted.
func latinName(t string, i int, general bool) int {
	end, words := i, 0
	for at := i; words < 5; words++ {
		last := latinWord(t, at)
		if last == at {
			break
		}
		end = last
		if byteAt(t, last) != ' ' {
			words++
			break
		}
		at = last + 1
	}
	least, most := 1, 4
	if general {
		least, most = 2, 3
	}
	if words < least || words > most || end-i < 2 || byteAt(t, end) == '*' {
		return i
	}
	return end
}

func latinWord(t string, i int) int {
	if c := byteAt(t, i); c < 'A' || c > 'Z' {
		return i
	}
	end, upper, low := i, 0, 0
	for ; end < len(t); end++ {
		c := t[end]
		switch {
		case isLetter(c) && c < 'a':
			upper++
		case isLetter(c):
			low++
		case (c == '-' || c == '\'') && isLetter(byteAt(t, end+1)):
			upper = 0
		default:
			if isDigit(c) || c == '_' || c == '.' && isAlnum(byteAt(t, end+1)) {
				return i
			}
			if upper > 1 && low > 0 || end-i > 20 {
				return i
			}
			return end
		}
	}
	if upper > 1 && low > 0 || end-i > 20 {
		return i
	}
	return end
}
