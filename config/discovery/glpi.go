package discovery

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
)

// The size of the largest GLPI inventory.
const (
	maxInventory = 32 << 20
	maxDepth     = 32
	maxValues    = 1_000_000
)

// An Inventory is what a GLPI inventory file says.
type Inventory struct {
	Observations []Observation  // of the machine, and of the virtual machines on it
	Partial      bool           // it tells only a part of the machine
	Ignored      map[string]int // keys that were not read, by path, and how often they came
}

// A FileError lists every fault of a file, each with its place. It matches [itsm.ErrInvalid].
type FileError struct {
	File   string
	Faults []string // "content.hardware.memory: got …, want a number"
}

// Error lists the faults, at most twenty.
func (e *FileError) Error() string {
	shown := e.Faults[:min(len(e.Faults), 20)]
	text := e.File + ": " + strings.Join(shown, "; ")
	if rest := len(e.Faults) - len(shown); rest > 0 {
		text += fmt.Sprintf("; and %d more", rest)
	}
	return text
}

// Unwrap returns [itsm.ErrInvalid].
func (e *FileError) Unwrap() error { return itsm.ErrInvalid }

// ReadGLPI reads an inventory in the JSON format of GLPI (inventory_format). Keys that it has no use for are counted, whatever they are. source is the name
// of the system, at the instant of the inventory: the file has no time with an offset.
func ReadGLPI(r io.Reader, file, source string, at time.Time) (*Inventory, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxInventory+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	fail := func(format string, args ...any) (*Inventory, error) {
		return nil, &FileError{file, []string{fmt.Sprintf(format, args...)}}
	}
	if len(data) > maxInventory {
		return fail("want at most %d bytes", maxInventory)
	}
	tree, err := decode(data)
	if err != nil {
		return fail("%v", err)
	}
	g := &glpi{file: file, source: source, at: at, out: &Inventory{Ignored: map[string]int{}}, read: map[string]bool{}}
	top, ok := tree.(map[string]any)
	if !ok {
		return fail("want an object with deviceid and content")
	}
	g.document(top)
	if len(g.faults) > 0 {
		slices.Sort(g.faults)
		return nil, &FileError{file, g.faults}
	}
	g.ignored("", top)
	return g.out, nil
}

// decode reads one JSON value of bounded depth and size.
func decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	d.UseNumber()
	values := 0
	var value func(depth int) (any, error)
	value = func(depth int) (any, error) {
		if depth > maxDepth {
			return nil, fmt.Errorf("want at most %d levels", maxDepth)
		}
		if values++; values > maxValues {
			return nil, fmt.Errorf("want at most %d values", maxValues)
		}
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch t {
		case json.Delim('{'):
			object := map[string]any{}
			for d.More() {
				key, err := d.Token()
				if err != nil {
					return nil, err
				}
				if object[key.(string)], err = value(depth + 1); err != nil {
					return nil, err
				}
			}
			_, err = d.Token()
			return object, err
		case json.Delim('['):
			list := []any{}
			for d.More() {
				v, err := value(depth + 1)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			_, err = d.Token()
			return list, err
		}
		return t, nil
	}
	v, err := value(1)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the JSON value")
		}
	}
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the file ends too early")
		}
		return nil, fmt.Errorf("line %d: %w", 1+bytes.Count(data[:min(int(d.InputOffset()), len(data))], []byte("\n")), err)
	}
	return v, nil
}

// glpi is one file being read.
type glpi struct {
	file   string
	source string
	at     time.Time
	out    *Inventory
	faults []string
	read   map[string]bool // paths that were asked for
}

func (g *glpi) fault(path string, got any, want string) {
	text, _ := json.Marshal(got)
	g.faults = append(g.faults, fmt.Sprintf("%s: got %.60s, want %s", path, text, want))
}

func (g *glpi) object(in map[string]any, at, key string) map[string]any {
	path := at + key
	g.read[path] = true
	switch v := in[key].(type) {
	case nil:
	case map[string]any:
		return v
	default:
		g.fault(path, v, "an object")
	}
	return nil
}

func (g *glpi) list(in map[string]any, at, key string) (out []map[string]any) {
	path := at + key
	g.read[path] = true
	switch v := in[key].(type) {
	case nil:
	case []any:
		for i, e := range v {
			if o, ok := e.(map[string]any); ok {
				out = append(out, o)
			} else {
				g.fault(fmt.Sprintf("%s[%d]", path, i), e, "an object")
			}
		}
	default:
		g.fault(path, v, "a list")
	}
	return out
}

func (g *glpi) text(in map[string]any, at, key string) string {
	path := at + key
	g.read[path] = true
	switch v := in[key].(type) {
	case nil:
	case string:
		return strings.Join(strings.Fields(v), " ")
	case json.Number:
		return v.String()
	default:
		g.fault(path, v, "a text")
	}
	return ""
}

func (g *glpi) number(in map[string]any, at, key string) itsm.Value {
	path := at + key
	g.read[path] = true
	switch v := in[key].(type) {
	case nil:
	case json.Number:
		if f, err := v.Float64(); err == nil {
			return itsm.NumberOf(f)
		}
		g.fault(path, v, "a number")
	default:
		g.fault(path, v, "a number")
	}
	return itsm.Value{}
}

func (g *glpi) flag(in map[string]any, at, key string) bool {
	path := at + key
	g.read[path] = true
	switch v := in[key].(type) {
	case nil:
	case bool:
		return v
	default:
		g.fault(path, v, "true or false")
	}
	return false
}

// classes of the item types of GLPI.
var itemClasses = map[string]string{"": "client", "Computer": "client", "Phone": "phone", "Printer": "printer", "NetworkEquipment": "network_device"}

func (g *glpi) document(top map[string]any) {
	id, kind := g.text(top, "", "deviceid"), g.text(top, "", "itemtype")
	g.text(top, "", "action")
	if g.out.Partial = g.flag(top, "", "partial"); id == "" {
		g.fault("deviceid", top["deviceid"], "a text")
	}
	class, known := itemClasses[kind]
	if !known {
		g.fault("itemtype", kind, "Computer, NetworkEquipment, Phone or Printer")
	}
	content := g.object(top, "", "content")
	if content == nil && top["content"] == nil {
		g.fault("content", nil, "an object")
	}
	o := Observation{Source: g.source, Key: id, Class: class, At: g.at, Where: g.file, Values: map[string]itsm.Value{}}
	if g.out.Partial {
		o.Key += "/partial/" + g.file // it adds to the others, and takes the place of none
	}
	g.machine(&o, content)
	g.device(&o, content)
	g.out.Observations = append(g.out.Observations, o)
	g.virtual(id, content)
}

func put(o *Observation, name, text string) {
	if text != "" {
		o.Values[name] = itsm.TextOf(text)
	}
}

func putNumber(o *Observation, name string, v itsm.Value) {
	if !v.IsZero() {
		o.Values[name] = v
	}
}

// machine reads what computers and phones tell of themselves. The asset tag of a BIOS is left out: makers fill it with anything.
func (g *glpi) machine(o *Observation, content map[string]any) {
	const hw, bios, os = "content.hardware.", "content.bios.", "content.operatingsystem."
	h, b, s := g.object(content, "content.", "hardware"), g.object(content, "content.", "bios"), g.object(content, "content.", "operatingsystem")
	o.Name = g.text(h, hw, "name")
	chassis := strings.ToLower(g.text(h, hw, "chassis_type"))
	if o.Class == "client" && (strings.Contains(chassis, "server") || strings.Contains(chassis, "rack") || strings.Contains(chassis, "blade")) {
		o.Class = "server"
	}
	put(o, "manufacturer", g.text(b, bios, "smanufacturer"))
	put(o, "model", g.text(b, bios, "smodel"))
	put(o, "serial", g.text(b, bios, "ssn"))
	if o.Class == "client" || o.Class == "server" {
		put(o, "uuid", g.text(h, hw, "uuid"))
		put(o, "hostname", o.Name)
		putNumber(o, "memory", g.number(h, hw, "memory"))
		put(o, "os", g.text(s, os, "full_name"))
		put(o, "os_version", g.text(s, os, "version"))
		for _, cpu := range g.list(content, "content.", "cpus") {
			if name := g.text(cpu, "content.cpus.", "name"); name != "" && o.Values["cpu"].IsZero() {
				put(o, "cpu", name)
			}
		}
	}
	for _, n := range g.list(content, "content.", "networks") {
		const at = "content.networks."
		mac, ip := strings.ToLower(g.text(n, at, "mac")), g.text(n, at, "ipaddress")
		slot, virtual := g.text(n, at, "pcislot"), g.flag(n, at, "virtualdev")
		if !virtual && slot != "" && o.Values["mac"].IsZero() { // what is plugged in from outside goes from machine to machine
			put(o, "mac", mac)
		}
		if ip != "" && !strings.HasPrefix(ip, "127.") && o.Values["ip"].IsZero() {
			put(o, "ip", ip)
		}
	}
}

// device reads what network devices and printers tell when they are asked.
func (g *glpi) device(o *Observation, content map[string]any) {
	const at = "content.network_device."
	d := g.object(content, "content.", "network_device")
	if d == nil {
		return
	}
	if name := g.text(d, at, "name"); name != "" {
		o.Name = name
	}
	put(o, "manufacturer", g.text(d, at, "manufacturer"))
	put(o, "model", g.text(d, at, "model"))
	put(o, "serial", g.text(d, at, "serial"))
	put(o, "firmware", g.text(d, at, "firmware"))
	put(o, "mac", strings.ToLower(g.text(d, at, "mac")))
	put(o, "place", g.text(d, at, "location"))
	g.read[at+"ips"] = true
	if ips, _ := d["ips"].([]any); o.Values["ip"].IsZero() {
		for _, ip := range ips {
			if text, ok := ip.(string); ok && !strings.HasPrefix(text, "127.") {
				put(o, "ip", text)
				break
			}
		}
	}
	switch o.Class {
	case "network_device":
		put(o, "hostname", o.Name)
		if ports := g.list(content, "content.", "network_ports"); len(ports) > 0 {
			o.Values["ports"] = itsm.NumberOf(len(ports))
		}
	case "printer":
		putNumber(o, "pages", g.number(g.object(content, "content.", "pagecounters"), "content.pagecounters.", "total"))
	}
}

// virtual reads the virtual machines that a host tells of. One without a UUID cannot be told from others and is left out.
func (g *glpi) virtual(host string, content map[string]any) {
	const at = "content.virtualmachines."
	for _, vm := range g.list(content, "content.", "virtualmachines") {
		o := Observation{Source: g.source, Class: "virtual_machine", Name: g.text(vm, at, "name"), At: g.at, Where: g.file, Values: map[string]itsm.Value{}}
		uuid := g.text(vm, at, "uuid")
		put(&o, "uuid", uuid)
		put(&o, "model", g.text(vm, at, "vmtype"))
		put(&o, "state_seen", g.text(vm, at, "status"))
		if o.Key = host + "/vm/" + uuid; uuid != "" {
			g.out.Observations = append(g.out.Observations, o)
		}
	}
}

// ignored counts the keys that nobody asked for. What lies below such a key is not counted on its own.
func (g *glpi) ignored(at string, in map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(in)) {
		path := at + key
		if !g.read[path] {
			g.out.Ignored[path]++
			continue
		}
		switch v := in[key].(type) {
		case map[string]any:
			g.ignored(path+".", v)
		case []any:
			for _, e := range v {
				if o, ok := e.(map[string]any); ok {
					if path == "content.network_ports" {
						continue // only counted
					}
					g.ignored(path+".", o)
				}
			}
		}
	}
}
