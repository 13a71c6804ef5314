/**
 * A message that tries everything: markup that would run, load, send or lead away, all of it to `canary`; names that lie;
 * a direction override; a signature worth nothing. What comes from it must never reach the canary.
 */
const dot = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='

const html = (canary) => `<html><head><meta http-equiv="refresh" content="0;url=${canary}/refresh"><link rel=stylesheet href="${canary}/a.css"><base href="${canary}/">
<style>@import "${canary}/b.css"; h1{color:#900}</style></head>
<body background="${canary}/bg.png" onload="document.title='run'"><h1>Banque Éternelle</h1><p>Cher client, votre compte sera <b>fermé</b>.</p>
<img src="cid:logo@x" alt="logo" width=48 height=48> <img src="${canary}/photo.png" alt="Notre agence" width=200><img src="${canary}/p.gif" width=1 height=1>
<script>fetch('${canary}/script');top.location='${canary}/top'</script>
<form action="${canary}/form"><input name=mdp><button>OK</button></form><p><a href="${canary}/link">www.banque.test</a> ou <a href="javascript:location='${canary}/js'">ici</a></p>
<iframe src="${canary}/frame"></iframe><div style="background:url(${canary}/css.png)">Fin</div></body></html>`

export const hostileHeaders = [
  ['Received', 'from mx.liste.test (mx.liste.test [198.51.100.7])\n\tby mail.exemple.test (Postfix) with ESMTPS id 4F21\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\n\tfor <bob@exemple.test>; Mon, 23 Nov 2026 09:12:30 +0100 (CET)'],
  ['Received', 'from poste.banque-secure.test (unknown [203.0.113.9])\n\tby mx.liste.test with ESMTP id 77; Mon, 23 Nov 2026 09:12:41 +0100'],
  ['Received', 'from [10.0.0.4] by poste.banque-secure.test with HTTP; Mon, 23 Nov 2026 09:11:02 +0100'],
  ['Authentication-Results', 'mail.exemple.test; dkim=fail (bad signature) header.d=banque.test; spf=softfail smtp.mailfrom=rebond@liste.test; dmarc=fail header.from=banque.test'],
  ['Received-SPF', 'softfail (mail.exemple.test: domain of rebond@liste.test) client-ip=198.51.100.7; envelope-from="rebond@liste.test"; helo=mx.liste.test;'],
  ['DKIM-Signature', 'v=1; a=rsa-sha1; c=relaxed/simple; d=banque.test; s=2019; l=120; h=to:subject:date;\n\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=dGVzdA=='],
  ['From', '"service@banque.test" <phish@banque-secure.test>'],
  ['Reply-To', 'voleur@ailleurs.test'],
  ['To', 'Bob =?UTF-8?Q?Lef=C3=A8vre?= <bob@exemple.test>'],
  ['Subject', '=?UTF-8?B?4oCudHNldC5leGVtcGxlIFVyZ2VudCA6IHZvdHJlIGNvbXB0ZQ==?='],
  ['Date', 'Mon, 23 Nov 2026 09:11:00 +0100'],
  ['Message-ID', '<1@banque-secure.test>'],
  ['MIME-Version', '1.0'],
  ['Content-Type', 'multipart/mixed; boundary="m"'],
]

export const hostileBody = (canary) => `--m
Content-Type: multipart/alternative; boundary="a"

--a
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Bonjour Bob,

Votre compte sera ferm=E9. Cliquez : ${canary}/
.un point au d=E9but
--a
Content-Type: text/html; charset=utf-8

${html(canary)}
--a--
--m
Content-Type: image/png; name="logo.png"
Content-ID: <logo@x>
Content-Transfer-Encoding: base64
Content-Disposition: inline; filename="logo.png"

${dot}
--m
Content-Type: application/octet-stream
Content-Disposition: attachment; filename="=?UTF-8?Q?facture=E2=80=AEfdp.exe?="
Content-Transfer-Encoding: base64

TVqQAAMAAAAEAAAA//8AALgAAAA=
--m--
`

/** As octets on the way to the server, dots doubled. */
export const hostileMail = (canary) =>
  `${hostileHeaders.map(([name, value]) => `${name}: ${value}\n`).join('')}\n${hostileBody(canary)}`.replace(/^\./gm, '..').replaceAll('\n', '\r\n')
