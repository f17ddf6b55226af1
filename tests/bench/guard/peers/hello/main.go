// A webhook as most people write one: Go, controller-runtime, yes to every eviction.
// hello ADDRESS:PORT CERTIFICATE-DIRECTORY
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"

	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/go-logr/logr"
)

type hello struct{ decoder admission.Decoder }

// Handle reads the eviction as a handler that looks at it would, and allows it.
func (h hello) Handle(_ context.Context, request admission.Request) admission.Response {
	var eviction policy.Eviction
	if err := h.decoder.Decode(request, &eviction); err != nil {
		return admission.Errored(400, err)
	}
	return admission.Allowed("")
}

func run() error {
	if len(os.Args) != 3 {
		return fmt.Errorf("usage: hello ADDRESS:PORT CERTIFICATE-DIRECTORY")
	}
	host, text, err := net.SplitHostPort(os.Args[1])
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := policy.AddToScheme(scheme); err != nil {
		return err
	}
	log.SetLogger(logr.Discard())
	server := webhook.NewServer(webhook.Options{Host: host, Port: port, CertDir: os.Args[2]})
	server.Register("/validate/evictions", &admission.Webhook{Handler: hello{admission.NewDecoder(scheme)}})
	return server.Start(ctrl.SetupSignalHandler())
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
