// CoreDNS with the plugins that config/Corefile names. CoreDNS's own main adds all of its plugins, among them those of three
// clouds, whose libraries take three minutes of processor time to compile.
package main

import (
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
)

func main() { coremain.Run() }
