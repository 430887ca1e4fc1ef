package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// bearer puts the token on every call of a connection.
type bearer string

func (token bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(token)}, nil
}

// RequireTransportSecurity is false because a server on the same machine may be without TLS. For one elsewhere: true.
func (bearer) RequireTransportSecurity() bool { return false }

// dial is for CONNECTORY_ADDRESS and CONNECTORY_TOKEN. With CONNECTORY_CA it speaks TLS and trusts that authority alone;
// with CONNECTORY_CERT and CONNECTORY_KEY it shows a certificate of its own.
func dial() (*grpc.ClientConn, error) {
	transport, err := transportCredentials()
	if err != nil {
		return nil, err
	}
	return grpc.NewClient(
		os.Getenv("CONNECTORY_ADDRESS"),
		grpc.WithTransportCredentials(transport),
		grpc.WithPerRPCCredentials(bearer(os.Getenv("CONNECTORY_TOKEN"))),
	)
}

func transportCredentials() (credentials.TransportCredentials, error) {
	authority := os.Getenv("CONNECTORY_CA")
	if authority == "" {
		return insecure.NewCredentials(), nil
	}
	pem, err := os.ReadFile(authority)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", authority)
	}
	config := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	if file := os.Getenv("CONNECTORY_CERT"); file != "" {
		own, err := tls.LoadX509KeyPair(file, os.Getenv("CONNECTORY_KEY"))
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{own}
	}
	return credentials.NewTLS(config), nil
}
