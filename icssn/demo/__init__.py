"""The demo project: a generated loess landscape with old landslides whose outlines are known.

`project.make_project` writes it; the other modules are its stages, in this order: `terrain` (hills and gullies),
`landslides`, `settlement`, `ground` (terraces, fields, what lies where), `painting` (the image). Nothing here reads
a file or knows the workspace; everything is drawn from one seed.
"""
