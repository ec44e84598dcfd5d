package protocol

import (
	"bytes"
	"slices"
)

// api names the API that a request of HTTP, which b begins with, is for, or "http". Only what no other software has at that path is
// named: GET / and GET /version on Docker's port are HTTP.
func (r *request) api(b []byte) string {
	switch path := r.path(); {
	case isDocker(string(r.method), path):
		return "docker"
	case isKubernetes(path):
		return "kubernetes"
	case isEtcd(path):
		return "etcd"
	case isElasticsearch(path):
		return "elasticsearch"
	case isJupyter(path):
		return "jupyter"
	case string(r.method) == "POST" && !bytes.Equal(path, []byte("/json_rpc")): // Monero's, which has methods of the same names
		if name := chain(rpcMethod(body(b))); name != "" {
			return name
		}
	}
	return "http"
}

// under reports whether path is one of the given, or lies under it.
func under(path []byte, roots ...string) bool {
	for _, root := range roots {
		if has(path, root) && (len(path) == len(root) || path[len(root)] == '/') {
			return true
		}
	}
	return false
}

// dockerVersion cuts the version off a path of Docker's Engine API: /v1.41/info is /info.
func dockerVersion(path []byte) (rest []byte, versioned bool) {
	if !has(path, "/v1.") {
		return path, false
	}
	n := 4
	for n < len(path) && n < 7 && isDigit(path[n]) {
		n++
	}
	if n == 4 || n == len(path) || path[n] != '/' {
		return path, false
	}
	return path[n:], true
}

// isDocker: Docker Engine API (https://docs.docker.com/reference/api/engine/). With its version in front a path is
// certain; without, the common words /info, /version, /events, /networks and /volumes are not.
func isDocker(method string, path []byte) bool {
	if !slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "DELETE"}, method) {
		return false
	}
	path, versioned := dockerVersion(path)
	if versioned {
		return under(path, "/_ping", "/containers", "/images", "/info", "/version", "/events", "/volumes", "/networks", "/exec", "/build",
			"/auth", "/commit", "/system", "/session", "/grpc", "/swarm", "/services", "/nodes", "/tasks", "/secrets", "/configs",
			"/plugins", "/distribution", "/libpod")
	}
	if rest, ok := bytes.CutPrefix(path, []byte("/containers/")); ok {
		return isContainerAction(rest)
	}
	return string(path) == "/_ping" || string(path) == "/images/json" || method == "POST" && string(path) == "/images/create" ||
		under(path, "/libpod")
}

// isContainerAction: what follows /containers/: json, create, prune, or a name and what is done with it.
func isContainerAction(rest []byte) bool {
	_, action, named := bytes.Cut(rest, []byte("/"))
	if !named {
		return string(rest) == "json" || string(rest) == "create" || string(rest) == "prune"
	}
	switch string(action) {
	case "json", "top", "logs", "changes", "export", "stats", "resize", "start", "stop", "restart", "kill", "update", "rename",
		"pause", "unpause", "attach", "attach/ws", "wait", "archive", "exec":
		return true
	}
	return false
}

// isKubernetes: the API server's groups and resources (https://kubernetes.io/docs/reference/using-api/); the kubelet's
// runningpods. Many other programs have /api/v1, so the resource must be one of Kubernetes.
func isKubernetes(path []byte) bool {
	if rest, ok := bytes.CutPrefix(path, []byte("/apis/")); ok {
		group, _, _ := bytes.Cut(rest, []byte("/"))
		switch string(group) {
		case "apps", "batch", "autoscaling", "policy", "extensions":
			return true
		}
		return bytes.HasSuffix(group, []byte(".k8s.io")) || bytes.HasSuffix(group, []byte(".openshift.io"))
	}
	if rest, ok := bytes.CutPrefix(path, []byte("/api/v1/")); ok {
		return under(rest, "namespaces", "pods", "nodes", "secrets", "configmaps", "serviceaccounts", "endpoints", "replicationcontrollers",
			"persistentvolumes", "persistentvolumeclaims", "componentstatuses", "limitranges", "resourcequotas", "podtemplates", "services")
	}
	return string(path) == "/apis" || under(path, "/runningpods")
}

// isEtcd: etcd's v2 API and the gateway of v3 (https://etcd.io/docs/).
func isEtcd(path []byte) bool {
	if under(path, "/v2/keys", "/v2/members", "/v2/stats", "/v2/machines") {
		return true
	}
	for _, version := range [...]string{"/v3", "/v3beta", "/v3alpha"} {
		if rest, ok := bytes.CutPrefix(path, []byte(version)); ok &&
			under(rest, "/kv/range", "/kv/put", "/kv/deleterange", "/kv/txn", "/kv/compaction", "/watch", "/lease/grant", "/lease/revoke",
				"/auth/authenticate", "/auth/user", "/auth/role", "/cluster/member", "/maintenance/status", "/maintenance/snapshot") {
			return true
		}
	}
	return false
}

// isElasticsearch: the APIs with an underscore in front (https://www.elastic.co/docs/api/), those that CouchDB has not; _search also
// behind the name of an index.
func isElasticsearch(path []byte) bool {
	if under(path, "/_cat", "/_cluster", "/_search", "/_msearch", "/_nodes", "/_bulk", "/_mapping", "/_mappings", "/_aliases", "/_alias",
		"/_template", "/_snapshot", "/_mget", "/_ingest", "/_ilm") {
		return true
	}
	return len(path) > 9 && bytes.HasSuffix(path, []byte("/_search")) && bytes.IndexByte(path[1:len(path)-8], '/') < 0
}

// isJupyter: the server's REST API (https://jupyter-server.readthedocs.io/). /tree, /lab and /login are others' as well.
func isJupyter(path []byte) bool {
	return under(path, "/api/kernels", "/api/kernelspecs", "/api/contents", "/api/terminals", "/terminals")
}

// rpcMethod is the method of a JSON-RPC request (https://www.jsonrpc.org/specification), of the first in a batch; nil where
// there is none. It does not parse: an honest request has the key once, at the top.
func rpcMethod(b []byte) []byte {
	b = bytes.TrimLeft(b, " \t\r\n[")
	if len(b) == 0 || b[0] != '{' {
		return nil
	}
	_, b, ok := bytes.Cut(b, []byte(`"method"`))
	if !ok {
		return nil
	}
	b = bytes.TrimLeft(b, " \t\r\n")
	if len(b) == 0 || b[0] != ':' {
		return nil
	}
	b = bytes.TrimLeft(b[1:], " \t\r\n")
	if len(b) == 0 || b[0] != '"' {
		return nil
	}
	name, _, ok := bytes.Cut(b[1:min(len(b), 66)], []byte(`"`))
	if !ok || len(name) == 0 || !all(name, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' || c == '.' }) {
		return nil
	}
	return name
}

// chain names the chain whose nodes have the method: https://ethereum.org/developers/docs/apis/json-rpc/ and
// https://developer.bitcoin.org/reference/rpc/.
func chain(method []byte) string {
	for _, prefix := range [...]string{"eth_", "web3_", "personal_", "txpool_", "parity_", "miner_", "engine_", "net_version",
		"net_listening", "net_peerCount", "admin_nodeInfo", "admin_peers", "debug_trace", "erigon_"} {
		if has(method, prefix) {
			return "ethereum"
		}
	}
	switch string(method) {
	case "getblockcount", "getblockchaininfo", "getbestblockhash", "getblockhash", "getblocktemplate", "getmininginfo", "getnetworkinfo",
		"getpeerinfo", "getwalletinfo", "getwork", "getmempoolinfo", "getrawmempool", "getrawtransaction", "listunspent", "listreceivedbyaddress",
		"listaccounts", "getnewaddress", "getaccountaddress", "sendtoaddress", "sendmany", "dumpprivkey", "dumpwallet", "walletpassphrase", "submitblock":
		return "bitcoin"
	}
	return ""
}
