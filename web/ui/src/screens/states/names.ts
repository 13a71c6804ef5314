/** The names of the machines, the same in every language. */
export const machines = { smtp: 'SMTP', lmtp: 'LMTP', pop3: 'POP3', imap: 'IMAP', sieve: 'ManageSieve', 'tls1.2': 'TLS 1.2', 'tls1.3': 'TLS 1.3' }
